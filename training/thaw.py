"""From a checkpoint's frozen graphs back to modules: a transformer that can learn, an encoder.

A checkpoint holds its networks as ONNX; whoever wants to train it further needs no other file. The
weights come back as exact as the graph has them (int8 ones widened), and the transformer is
compared with its graph before it is given away.
"""

import torch

from generator.api import SAMPLE_RATE_HZ
from generator.autoencoder import AutoencoderConfig, Encoder
from generator.backbone import Backbone, BackboneConfig
from generator.checkpoint import SOUND_ENCODER_FILE, TRANSFORMER_FILE, Checkpoint
from generator.onnx_session import OnnxGraph
from generator.torch_backend import AUTOENCODER_SIZES, TRANSFORMER_SIZES
from training.errors import TrainingError
from training.export import (
    COMPARED_LATENTS,
    COMPARED_TOKENS,
    TRANSFORMER_SHAPE,
    FlatBackbone,
    transformer_inputs,
)
from training.onnx_graphs import GraphWeights, read_weights, signal_to_noise_db

PREFIX = "backbone."
BLOCK_MATRICES = (
    "attend.to_q", "attend.to_kv", "attend.out", "read.to_q", "read.to_kv", "read.out", "widen",
    "narrow",
)  # fmt: skip
# Activations in int8 leave about 25 dB; weights in a wrong place leave none.
LEAST_PARITY_DB = 12.0


def thaw(checkpoint: Checkpoint) -> Backbone:
    """Return the transformer of an edge checkpoint as a module, frozen.

    Args:
        checkpoint: A verified checkpoint with a transformer's graph and its sizes.

    Returns:
        The module, in evaluation mode.

    Raises:
        TrainingError: The manifest does not tell the sizes, or the graph is not one that
            `training/export.py` wrote.
    """
    backbone = Backbone(BackboneConfig(**sizes_of(checkpoint, TRANSFORMER_SIZES)))
    path = checkpoint.path(TRANSFORMER_FILE)
    try:
        backbone.load_state_dict(named_weights(read_weights(path), backbone))
    except (RuntimeError, KeyError, IndexError, ValueError) as error:
        raise TrainingError(f"{path} has other weights than its manifest tells: {error}") from error
    backbone = backbone.requires_grad_(False).eval()
    found_db = parity_db(backbone, checkpoint)
    if not found_db > LEAST_PARITY_DB:
        raise TrainingError(
            f"{path} does not compute what its weights do here ({found_db:.1f} dB): "
            "export it again with this version"
        )
    return backbone


def thaw_encoder(checkpoint: Checkpoint) -> Encoder:
    """Return the encoder that made the latents of a checkpoint's transformer.

    Args:
        checkpoint: A verified checkpoint with a sound encoder and the autoencoder's sizes.

    Returns:
        The encoder, in evaluation mode.

    Raises:
        TrainingError: The checkpoint has no sound encoder, does not tell the sizes, or they are
            not those of the graph.
    """
    if SOUND_ENCODER_FILE not in checkpoint.manifest.files:
        raise TrainingError(
            f"the checkpoint {checkpoint.manifest.name!r} has no {SOUND_ENCODER_FILE}: export it "
            "again"
        )
    sizes = AutoencoderConfig(**sizes_of(checkpoint, AUTOENCODER_SIZES))
    encoder = Encoder(sizes, SAMPLE_RATE_HZ)
    path = checkpoint.path(SOUND_ENCODER_FILE)
    weights = read_weights(path).named
    try:
        encoder.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    except RuntimeError as error:
        raise TrainingError(f"{path} has other sizes than its manifest tells: {error}") from error
    return encoder.eval()


def sizes_of(checkpoint: Checkpoint, part: str) -> dict[str, int]:
    """Return the sizes of a network, which its manifest tells.

    Args:
        checkpoint: A verified checkpoint.
        part: The network's name in the manifest.

    Returns:
        The sizes by name.

    Raises:
        TrainingError: The manifest does not tell them.
    """
    sizes = checkpoint.manifest.architecture.get(part)
    if sizes is None:
        raise TrainingError(
            f"the checkpoint {checkpoint.manifest.name!r} does not tell the sizes of its {part}: "
            "export it again"
        )
    return {name: int(value) for name, value in sizes.items()}


def named_weights(weights: GraphWeights, backbone: Backbone) -> dict[str, torch.Tensor]:
    """Return a graph's weights under the module's names."""
    found = {
        name.removeprefix(PREFIX): value
        for name, value in weights.named.items()
        if name.startswith(PREFIX)
    }
    matrices = {
        name.removeprefix(PREFIX).replace(".bias", ".weight"): value
        for name, value in weights.biased.items()
    }
    blocks = len(backbone.blocks)
    places = [f"blocks.{i}.{name}.weight" for i in range(blocks) for name in BLOCK_MATRICES]
    matrices |= dict(zip(places, weights.unbiased, strict=True))
    found |= {name: value.T for name, value in matrices.items()}
    wanted = backbone.state_dict().keys()
    return {name: torch.tensor(found[name]) for name in wanted}


def parity_db(backbone: Backbone, checkpoint: Checkpoint) -> float:
    """Return how far below the module's output the difference to the graph's lies."""
    graph = OnnxGraph(checkpoint.read(TRANSFORMER_FILE), TRANSFORMER_FILE, threads=1)
    channels = backbone.config.latent_channels
    with torch.random.fork_rng():
        torch.manual_seed(0)
        inputs = transformer_inputs(
            channels, batch=1, latents=COMPARED_LATENTS, tokens=COMPARED_TOKENS
        )
    with torch.no_grad():
        wanted = FlatBackbone(backbone)(*inputs)
    named = {n: x.numpy() for n, x in zip(TRANSFORMER_SHAPE.inputs, inputs, strict=True)}
    return signal_to_noise_db(wanted.numpy(), graph.run(named)[TRANSFORMER_SHAPE.outputs[0]])
