"""A tiny checkpoint with random weights, built from a seed in milliseconds, without torch.

The graphs have the names, types and shapes of the real ones, so every line of the runtime runs on
them; what they compute is only rich enough that each input changes the sound.
"""

import json
import string
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper, parser

from generator.checkpoint import (
    DECODER_FILE,
    HEAD_FILE,
    SOUND_ENCODER_FILE,
    TRANSFORMER_FILE,
    Checkpoint,
    Manifest,
    write_checkpoint,
)
from generator.hearing import TONES
from generator.sound_encoder import SIZES
from generator.spectral import BINS, FRAMES_PER_LATENT, HEAD_WIDTH
from generator.text import ENCODER_FILE, STATE_WIDTH, TOKENIZER_FILE

LATENT_CHANNELS = 4
HEADER = '<ir_version: 9, opset_import: ["" : 18]>'
CHARACTERS = string.ascii_lowercase + string.digits + string.punctuation

TEXT_GRAPH = f"""{HEADER}
text_encoder (int64[B,T] input_ids, int64[B,T] attention_mask)
        => (float[B,T,{STATE_WIDTH}] states) {{
    rows = Gather(table, input_ids)
    last = Constant<value_ints = [2]>()
    kept = Cast<to = 1>(attention_mask)
    column = Unsqueeze(kept, last)
    states = Mul(rows, column)
}}"""

TRANSFORMER_GRAPH = f"""{HEADER}
transformer (float[B,C,N] x, float[B] t, float[B,T,{STATE_WIDTH}] text, float[B,T] text_mask,
             float[B] seconds, float[B] tempo_bpm, int64[B] key, float[B,C,N] known,
             float[B,1,N] known_mask) => (float[B,C,N] v) {{
    last = Constant<value_ints = [2]>()
    tokens = Constant<value_ints = [1]>()
    mask = Unsqueeze(text_mask, last)
    real = Mul(text, mask)
    words = ReduceSum<keepdims = 0>(real, tokens)
    meaning = MatMul(words, text_weight)
    key_number = Cast<to = 1>(key)
    slow = Mul(seconds, small)
    tempo = Mul(tempo_bpm, small)
    sum_1 = Add(slow, tempo)
    sum_2 = Add(sum_1, key_number)
    sum_3 = Add(sum_2, t)
    scalar = Unsqueeze(sum_3, tokens)
    moved = Add(meaning, scalar)
    bent = Sin(moved)
    clean = Unsqueeze(bent, last)
    given = Mul(known, known_mask)
    target = Add(clean, given)
    noise = Mul(x, most)
    v = Sub(noise, target)
}}"""

DECODER_GRAPH = f"""{HEADER}
decoder (float[B,C,N] latents) => (float[B,M,{LATENT_CHANNELS}] hidden) {{
    rows = Transpose<perm = [0, 2, 1]>(latents)
    second = Constant<value_ints = [2]>()
    single = Unsqueeze(rows, second)
    repeats = Constant<value_ints = [1, 1, {FRAMES_PER_LATENT}, 1]>()
    many = Tile(single, repeats)
    flat = Constant<value_ints = [0, -1, {LATENT_CHANNELS}]>()
    hidden = Reshape(many, flat)
}}"""

BANDS = {"mel_bands": 5, "side_mel_bands": 3}
FEATURES = FRAMES_PER_LATENT * sum(BANDS.values()) + TONES

ENCODER_GRAPH = f"""{HEADER}
encoder (float[B,N,{FEATURES}] features) => (float[B,{LATENT_CHANNELS},N] latents) {{
    centred = Sub(features, mean)
    rows = MatMul(centred, projection)
    latents = Transpose<perm = [0, 2, 1]>(rows)
}}"""

HEAD_GRAPH = f"""{HEADER}
head (float[B,M,{LATENT_CHANNELS}] hidden) => (float[B,M,{HEAD_WIDTH}] bins) {{
    bands = MatMul(hidden, bin_weight)
    bins = Add(bands, bin_bias)
}}"""


def tiny_checkpoint(folder: Path, *, seed: int = 0, name: str = "tiny") -> Checkpoint:
    """Write a tiny checkpoint into a folder, which is made where missing.

    Args:
        folder: Where the files go.
        seed: Decides every weight.
        name: What the manifest calls it.

    Returns:
        The verified checkpoint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = np.random.default_rng(seed)
    vocabulary = _vocabulary()
    (folder / TOKENIZER_FILE).write_text(json.dumps({"model": {"vocab": vocabulary}}))

    def draw(*shape: int, scale: float) -> npt.NDArray[np.float32]:
        return (scale * source.standard_normal(shape)).astype(np.float32)

    bias = np.zeros(HEAD_WIDTH, np.float32)
    bias[: 2 * BINS] = -np.linspace(-1.0, 4.0, 2 * BINS, dtype=np.float32)
    _write(folder / ENCODER_FILE, TEXT_GRAPH, table=draw(len(vocabulary), STATE_WIDTH, scale=1.0))
    _write(
        folder / TRANSFORMER_FILE,
        TRANSFORMER_GRAPH,
        text_weight=draw(STATE_WIDTH, LATENT_CHANNELS, scale=0.05),
        small=np.array(0.01, np.float32),
        most=np.array(0.7, np.float32),
    )
    _write(folder / DECODER_FILE, DECODER_GRAPH)
    _write(
        folder / HEAD_FILE,
        HEAD_GRAPH,
        bin_weight=draw(LATENT_CHANNELS, HEAD_WIDTH, scale=0.3),
        bin_bias=bias,
    )
    _write(
        folder / SOUND_ENCODER_FILE,
        ENCODER_GRAPH,
        projection=draw(FEATURES, LATENT_CHANNELS, scale=0.05),
        mean=draw(FEATURES, scale=0.05),
    )
    manifest = Manifest(
        name=name,
        objective="none: random weights",
        text_encoder="one random state per character",
        precision="fp32",
        latent_channels=LATENT_CHANNELS,
        architecture={SIZES: {"latent_channels": LATENT_CHANNELS, **BANDS}},
    )
    graphs = [TRANSFORMER_FILE, DECODER_FILE, HEAD_FILE, SOUND_ENCODER_FILE]
    files = [ENCODER_FILE, TOKENIZER_FILE, *graphs]
    return write_checkpoint(folder, manifest, files)


def _vocabulary() -> dict[str, int]:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
    pieces += [f"##{character}" for character in CHARACTERS]
    return {piece: index for index, piece in enumerate(pieces)}


def _write(path: Path, graph: str, **weights: npt.NDArray[np.float32]) -> None:
    # The text format must know the weights' types before it meets their names.
    declared = ", ".join(
        f"float[{','.join(map(str, array.shape))}] {name}" if array.ndim else f"float {name}"
        for name, array in weights.items()
    )
    head, _, body = graph.partition(") {")
    model = parser.parse_model(f"{head}) <{declared}> {{{body}" if declared else graph)
    for name, array in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    del model.graph.value_info[:]
    path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(model)
