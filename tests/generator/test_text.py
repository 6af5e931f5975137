"""Laws of the text encoder: each text alone, the same always, whatever came before it."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import CheckpointError
from generator.text import (
    CACHED_TEXTS,
    MASKED_SCORE,
    MAX_TOKENS,
    STATE_WIDTH,
    TOKENIZER_FILE,
    TextEncoder,
    encode_captions,
)
from tests.models import tiny_checkpoint

TEXTS = st.lists(st.text(max_size=30), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny")).folder


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TextEncoder:
    return TextEncoder(folder)


@given(texts=TEXTS)
def test_a_text_means_the_same_alone_and_in_company(encoder: TextEncoder, texts: list[str]) -> None:
    states, mask = encoder.encode(texts)
    for row, text in enumerate(texts):
        alone = encoder.encode([text])
        length = int(mask[row].sum())
        np.testing.assert_array_equal(states[row, :length], alone.states[0])
        np.testing.assert_array_equal(states[row, length:], 0.0)
        np.testing.assert_array_equal(mask[row], np.arange(mask.shape[1]) < length)


@pytest.mark.parametrize(("text", "tokens"), [("", 2), ("  ", 2), ("🥁", 3), ("ab", 4)])
def test_odd_texts_have_their_end_marks(encoder: TextEncoder, text: str, tokens: int) -> None:
    assert encoder.states_of(text).shape == (tokens, STATE_WIDTH)
    assert np.isfinite(encoder.states_of(text)).all()


def test_a_long_text_is_cut(encoder: TextEncoder) -> None:
    ids = encoder.token_ids("kick " * 400)
    assert len(ids) == MAX_TOKENS
    assert ids[-1] == encoder.token_ids("")[-1]


def test_case_and_accents_do_not_matter(encoder: TextEncoder) -> None:
    assert encoder.token_ids("Détuned") == encoder.token_ids("detuned")


def test_no_text_at_all_has_no_rows(encoder: TextEncoder) -> None:
    assert encoder.encode([]).states.shape == (0, 1, STATE_WIDTH)


def test_the_cache_is_bounded_safe_and_true(folder: Path) -> None:
    encoder = TextEncoder(folder)
    first = encoder.states_of("first").copy()
    for number in range(CACHED_TEXTS + 1):
        encoder.states_of(str(number))
    np.testing.assert_array_equal(encoder.states_of("first"), first)
    assert encoder.states_of("first") is encoder.states_of("first")
    with pytest.raises(ValueError, match="read-only"):
        encoder.states_of("first")[0, 0] = 1.0


def test_packed_captions_are_what_the_runtime_says(encoder: TextEncoder) -> None:
    captions = ["kick", "", "warm pad"]
    packed = encode_captions(encoder, captions)
    for row, caption in enumerate(captions):
        part = packed.states[packed.starts[row] : packed.starts[row + 1]]
        # Half precision keeps eleven bits.
        np.testing.assert_allclose(part, encoder.states_of(caption), rtol=2**-10, atol=1e-6)
    assert encode_captions(encoder, []).states.shape == (0, STATE_WIDTH)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"model": {"vocab": []}}',
        '{"model": {"vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": "2"}}}',
        '{"model": {"vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 3}}}',
    ],
)
def test_a_broken_tokeniser_is_refused(folder: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / TOKENIZER_FILE).write_text(content)
    for name in ("text_encoder.onnx",):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        TextEncoder(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        TextEncoder(tmp_path)


def test_the_vocabulary_is_the_file(folder: Path) -> None:
    vocabulary = json.loads((folder / TOKENIZER_FILE).read_text())["model"]["vocab"]
    encoder = TextEncoder(folder)
    expected = [vocabulary[piece] for piece in ("[CLS]", "a", "##b", "-", "[SEP]")]
    assert encoder.token_ids("ab -") == expected


def test_a_blend_ends_at_its_parts(encoder: TextEncoder) -> None:
    for blend, text in (((("kick", 1.0), ("a long warm pad", 0.0)), "kick"), ((("a", 0.3),), "a")):
        found, expected = encoder.encode_blend(blend), encoder.encode([text])
        np.testing.assert_array_equal(found.states, expected.states)
        np.testing.assert_array_equal(found.mask, expected.mask)


def test_a_blend_lies_between_its_parts_and_knows_no_order(encoder: TextEncoder) -> None:
    first, second = encoder.encode(["abc"]).states[0], encoder.encode(["xyz"]).states[0]
    blend = encoder.encode_blend([("abc", 0.25), ("xyz", 0.75)])
    np.testing.assert_allclose(blend.states[0], 0.25 * first + 0.75 * second, atol=1e-6)
    other = encoder.encode_blend([("xyz", 3.0), ("abc", 1.0)])
    np.testing.assert_allclose(other.states, blend.states, atol=1e-6)
    np.testing.assert_array_equal(blend.mask, 1.0)


@given(share=st.floats(0.001, 0.999))
def test_what_only_one_text_reaches_is_attended_to_by_its_share(
    encoder: TextEncoder, share: float
) -> None:
    blend = encoder.encode_blend([("a", 1.0 - share), ("a b c d", share)])
    added = (blend.mask[0].astype(np.float64) - 1.0) * MASKED_SCORE
    short = len(encoder.token_ids("a"))
    np.testing.assert_array_equal(added[:short], 0.0)
    np.testing.assert_allclose(np.exp(added[short:]), share, rtol=2e-3)
