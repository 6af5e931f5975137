"""The encoder that belongs to a checkpoint, shipped beside it for whoever trains on own sounds.

The file names the decoder that it was trained with, so that a pair that does not fit is refused.
The one file of training that knows safetensors.
"""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from generator.api import SAMPLE_RATE_HZ
from generator.autoencoder import AutoencoderConfig, Encoder
from generator.checkpoint import DECODER_FILE, HEAD_FILE, WEIGHTS_FILE, Checkpoint
from training.checkpoints import load_state
from training.errors import TrainingError

SIZES, DECODER = "sizes", "decoder_sha256"


def decoder_hash(checkpoint: Checkpoint) -> str:
    """Return what tells a checkpoint's decoder from all others: the hashes of its files."""
    files = checkpoint.manifest.files
    parts = [name for name in (DECODER_FILE, HEAD_FILE) if name in files] or [WEIGHTS_FILE]
    return " ".join(files[name].sha256 for name in parts)


def ship_encoder(path: Path, state: Path, checkpoint: Checkpoint) -> None:
    """Write the encoder of an autoencoder's state.

    Args:
        path: The file to write.
        state: The autoencoder's state.
        checkpoint: What holds the decoder of the same state.

    Raises:
        TrainingError: The state holds no autoencoder.
    """
    found = load_state(state)
    sizes, weights = found.get("sizes"), found.get("encoder")
    if not isinstance(sizes, dict) or not isinstance(weights, dict):
        raise TrainingError(f"{state} holds no encoder: give the state of the autoencoder stage")
    tensors = {name: value.contiguous() for name, value in weights.items()}
    told = {
        SIZES: json.dumps(asdict(AutoencoderConfig(**sizes))),
        DECODER: decoder_hash(checkpoint),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata=told)
    partial.replace(path)


def open_encoder(path: Path, checkpoint: Checkpoint) -> Encoder:
    """Return a shipped encoder.

    Args:
        path: What `ship_encoder` wrote.
        checkpoint: Whose decoder it must belong to.

    Returns:
        The encoder, in evaluation mode.

    Raises:
        TrainingError: The file is missing or damaged, or belongs to another decoder.
    """
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} holds no encoder ({error})") from error
    if told.get(DECODER) != decoder_hash(checkpoint):
        raise TrainingError(
            f"{path} belongs to another checkpoint than {checkpoint.manifest.name!r}: its latents "
            "would mean other sounds there; give the encoder that was exported with it"
        )
    encoder = Encoder(AutoencoderConfig(**json.loads(told[SIZES])), SAMPLE_RATE_HZ)
    try:
        encoder.load_state_dict(weights)
    except RuntimeError as error:
        raise TrainingError(f"{path} does not fit its own sizes: {error}") from error
    return encoder.eval()
