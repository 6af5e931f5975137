"""Words to token states: the tokeniser, the frozen text encoder and a cache of what it said.

Knows nothing of sound. Stands before the transformer, and before the caption caches of training,
which must hold exactly what the runtime will say: hence every text is encoded alone and unpadded,
because an int8 graph scales its activations by all that it sees at once.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from generator.api import FloatArray
from generator.checkpoint import read_in_pieces
from generator.errors import CheckpointError
from generator.onnx_session import OnnxGraph

ENCODER_FILE = "text_encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"
STATE_WIDTH = 384
MAX_TOKENS = 32
# What the transformer takes from the score of a token that is not there.
MASKED_SCORE = 1e4
CACHED_TEXTS = 512
UNKNOWN, FIRST, LAST = "[UNK]", "[CLS]", "[SEP]"


class TextStates(NamedTuple):
    """Token states of several texts, zero where a text has ended.

    Shapes:
        states: [texts, tokens, STATE_WIDTH]
        mask: [texts, tokens], 1.0 at real tokens
    """

    states: FloatArray
    mask: FloatArray


class PackedStates(NamedTuple):
    """Token states of many texts end to end, small enough to keep for a whole corpus.

    Shapes:
        states: float16 [all tokens, STATE_WIDTH]
        starts: int64 [texts + 1]; text i has the rows from starts[i] to starts[i + 1]
    """

    states: npt.NDArray[np.float16]
    starts: npt.NDArray[np.int64]


class TextEncoder:
    """Encodes texts with the tokeniser and the encoder of a checkpoint folder.

    Args:
        folder: Where ENCODER_FILE and TOKENIZER_FILE lie.
        threads: Number of threads that one run may use.

    Raises:
        CheckpointError: A file is missing or is not what its name says.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        try:
            model = read_in_pieces(folder / ENCODER_FILE)
            tokenizer = (folder / TOKENIZER_FILE).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(
                f"The text encoder in {folder} cannot be read: {error}. A checkpoint holds "
                f"{ENCODER_FILE} and {TOKENIZER_FILE}."
            ) from error
        self._graph = OnnxGraph(model, "text encoder", threads=threads)
        self._tokenizer = _read_tokenizer(tokenizer)
        self._cache: OrderedDict[str, FloatArray] = OrderedDict()

    def token_ids(self, text: str) -> list[int]:
        """Return the ids of a text, its two end marks included, at most MAX_TOKENS."""
        return list(self._tokenizer.encode(text).ids)

    def states_of(self, text: str) -> FloatArray:
        """Return the token states of one text.

        An empty text has two tokens, its end marks.

        Shapes:
            returns: [tokens, STATE_WIDTH], read-only because the cache shares it
        """
        known = self._cache.get(text)
        if known is not None:
            self._cache.move_to_end(text)
            return known
        ids = np.array([self.token_ids(text)], dtype=np.int64)
        states = self._graph.run({"input_ids": ids, "attention_mask": np.ones_like(ids)})
        fresh: FloatArray = states["states"][0]
        fresh.flags.writeable = False
        self._cache[text] = fresh
        if len(self._cache) > CACHED_TEXTS:
            self._cache.popitem(last=False)
        return fresh

    def encode(self, texts: Sequence[str]) -> TextStates:
        """Return the token states of several texts, padded to the longest.

        Shapes:
            returns: states [texts, tokens, STATE_WIDTH], mask [texts, tokens]
        """
        parts = [self.states_of(text) for text in texts]
        longest = max((len(part) for part in parts), default=1)
        states = np.zeros((len(parts), longest, STATE_WIDTH), np.float32)
        mask = np.zeros((len(parts), longest), np.float32)
        for row, part in enumerate(parts):
            states[row, : len(part)] = part
            mask[row, : len(part)] = 1.0
        return TextStates(states, mask)

    def encode_blend(self, blend: Sequence[tuple[str, float]]) -> TextStates:
        """Return the token states of one text, or of several mixed by their weights.

        Shapes:
            returns: states [1, tokens, STATE_WIDTH], mask [1, tokens]
        """
        counted = [(text, weight) for text, weight in blend if weight > 0.0]
        if len(counted) == 1:
            return self.encode([counted[0][0]])
        return _blended([self.states_of(text) for text, _ in counted], [w for _, w in counted])


def _blended(parts: Sequence[FloatArray], weights: Sequence[float]) -> TextStates:
    """Mix token states place by place.

    Where a text has ended, its last state goes on, so that the mean of the words glides. A place
    that only some texts reach is attended to by the share of their weights: the transformer adds
    (mask - 1) * MASKED_SCORE to its scores, and the logarithm of a share there scales by it.

    Shapes:
        parts: [tokens, STATE_WIDTH] each  ->  states [1, most tokens, STATE_WIDTH], mask [1, …]
    """
    shares = np.array(weights, np.float64) / sum(weights)
    longest = max(map(len, parts))
    states = np.zeros((longest, STATE_WIDTH))
    reached = np.zeros(longest)
    for part, share in zip(parts, shares, strict=True):
        states += share * np.concatenate([part, np.repeat(part[-1:], longest - len(part), axis=0)])
        reached[: len(part)] += share
    mask = 1.0 + np.log(np.minimum(reached, 1.0)) / MASKED_SCORE
    return TextStates(states.astype(np.float32)[None], mask.astype(np.float32)[None])


def encode_captions(encoder: TextEncoder, captions: Sequence[str]) -> PackedStates:
    """Encode a corpus of captions with the very encoder that the runtime uses.

    Shapes:
        returns: states [all tokens, STATE_WIDTH], starts [captions + 1]

    Args:
        encoder: The encoder of the checkpoint that is to be made.
        captions: The texts, in the order of the result.

    Returns:
        Their token states, packed.
    """
    parts = [encoder.states_of(caption).astype(np.float16) for caption in captions]
    starts = np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)
    return PackedStates(np.concatenate([np.zeros((0, STATE_WIDTH), np.float16), *parts]), starts)


def _read_tokenizer(text: str) -> Tokenizer:
    """Build the tokeniser from the vocabulary of the file, in which nothing else varies."""
    try:
        vocabulary = json.loads(text)["model"]["vocab"]
        ids = sorted(vocabulary.values())
        marks = {mark: int(vocabulary[mark]) for mark in (UNKNOWN, FIRST, LAST)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{TOKENIZER_FILE} is no WordPiece tokeniser: {error!r}") from error
    if ids != list(range(len(ids))):
        raise CheckpointError(f"{TOKENIZER_FILE} does not number its pieces from 0 without a gap.")
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single=f"{FIRST} $A {LAST}",
        special_tokens=[(mark, marks[mark]) for mark in (FIRST, LAST)],
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer
