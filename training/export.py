"""Trained modules to checkpoints: ONNX in fp32 and int8, safetensors in bf16, and a parity report.

It knows the faces of the graphs, not how the weights were trained nor how ONNX is written.
Flow: training stages → `export_checkpoint` → a folder that generator/loading.py opens.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from generator.autoencoder import AutoencoderConfig, Decoder, Encoder
from generator.backbone import Backbone, BackboneConfig, Conditions
from generator.checkpoint import (
    DECODER_FILE,
    HEAD_FILE,
    SOUND_ENCODER_FILE,
    TRANSFORMER_FILE,
    WEIGHTS_FILE,
    Checkpoint,
    Manifest,
    write_checkpoint,
)
from generator.minilm import MiniLm
from generator.onnx_backend import (
    DECODER_INPUTS,
    DECODER_OUTPUTS,
    HEAD_INPUTS,
    HEAD_OUTPUTS,
    TRANSFORMER_INPUTS,
    TRANSFORMER_OUTPUTS,
)
from generator.onnx_session import OnnxGraph
from generator.sound_encoder import SOUND_ENCODER_INPUTS, SOUND_ENCODER_OUTPUTS
from generator.text import ENCODER_FILE, STATE_WIDTH, TOKENIZER_FILE
from generator.torch_backend import AUTOENCODER_SIZES, TRANSFORMER_SIZES, save_weights
from training.edge_modules import edge_backbone, edge_decoder, edge_head
from training.onnx_graphs import (
    GraphShape,
    export_graph,
    matrix_groups,
    quantise_matmuls,
    quantise_weights,
    signal_to_noise_db,
    write_projection,
)

# Lengths for tracing and for comparing differ on purpose.
TRACED_LATENTS, TRACED_TOKENS, TRACED_BATCH = 7, 5, 2
COMPARED_LATENTS, COMPARED_TOKENS = 13, 9
TIMED_LATENTS = 130
TIMED_THREADS = 2
TIMED_RUNS = 7
# What they multiply has rows of very different size, words beside numbers, and one scale for all of
# it made most of the error of int8 (docs/quantisation.md).
UNEVEN = ("blocks.read.to_kv",)

_BATCH, _LATENTS, _TOKENS = {0: "batch"}, {0: "batch", 2: "latents"}, {0: "batch", 1: "tokens"}


TRANSFORMER_SHAPE = GraphShape(
    TRANSFORMER_INPUTS,
    TRANSFORMER_OUTPUTS,
    {
        "x": _LATENTS,
        "t": _BATCH,
        "text": _TOKENS,
        "text_mask": _TOKENS,
        "seconds": _BATCH,
        "tempo_bpm": _BATCH,
        "key": _BATCH,
        "note": _BATCH,
        "origin_s": _BATCH,
        "known": _LATENTS,
        "known_mask": _LATENTS,
    },
)
DECODER_SHAPE = GraphShape(DECODER_INPUTS, DECODER_OUTPUTS, {"latents": _LATENTS})
HEAD_SHAPE = GraphShape(HEAD_INPUTS, HEAD_OUTPUTS, {"hidden": {0: "batch", 1: "frames"}})


@dataclass(frozen=True, slots=True)
class Trained:
    """The two networks that a checkpoint is made of, with their sizes."""

    backbone: Backbone
    backbone_sizes: BackboneConfig
    decoder: Decoder
    decoder_sizes: AutoencoderConfig
    encoder: Encoder


@dataclass(frozen=True, slots=True)
class Parity:
    """How near a graph is to its torch module, and how long it takes.

    `snr_db` has the level above the error of each output, at a length that was not traced;
    `run_ms` the time for TIMED_LATENTS latents.
    """

    snr_db: Mapping[str, float]
    run_ms: float
    size_mb: float


class FlatBackbone(torch.nn.Module):
    """The transformer with its conditions spread out, as a graph has them."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(  # noqa: PLR0913 - the exporter reads the graph's inputs from this signature
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        text: torch.Tensor,
        text_mask: torch.Tensor,
        seconds: torch.Tensor,
        tempo_bpm: torch.Tensor,
        key: torch.Tensor,
        note: torch.Tensor,
        origin_s: torch.Tensor,
        known: torch.Tensor,
        known_mask: torch.Tensor,
    ) -> torch.Tensor:
        """Return the velocity; the inputs are those of TRANSFORMER_INPUTS, in order."""
        conditions = Conditions(
            text, text_mask, seconds, tempo_bpm, key, note, origin_s, known, known_mask
        )
        velocity: torch.Tensor = self.backbone(x, t, conditions)
        return velocity


class DecoderBody(torch.nn.Module):
    """The decoder without its head: what all frames must be heard for."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Return what the bins are read from."""
        return self.decoder.hidden(latents)


def transformer_inputs(
    channels: int, *, batch: int, latents: int, tokens: int
) -> tuple[torch.Tensor, ...]:
    """Draw inputs for the transformer, in the order of TRANSFORMER_INPUTS."""
    mask = torch.ones(batch, tokens)
    mask[:, -1] = 0.0
    known_mask = (torch.rand(batch, 1, latents) > 0.5).float()
    return (
        torch.randn(batch, channels, latents),
        torch.rand(batch),
        torch.randn(batch, tokens, STATE_WIDTH) * 0.5,
        mask,
        0.1 + 12.0 * torch.rand(batch),
        60.0 + 120.0 * torch.rand(batch),
        torch.randint(0, 25, (batch,)),
        torch.randint(0, 128, (batch,)).float(),
        torch.rand(batch),
        torch.randn(batch, channels, latents) * known_mask,
        known_mask,
    )


def export_checkpoint(
    folder: Path, trained: Trained, manifest: Manifest, *, quantised: bool
) -> Checkpoint:
    """Write an edge checkpoint; the text encoder must lie in the folder already.

    Args:
        folder: Where `training.export_text` has written.
        trained: The networks.
        manifest: What to say of them; sizes, precision and parity are filled in here.
        quantised: Whether weight matrices are stored as int8.

    Returns:
        The verified checkpoint, its parity among its metrics.
    """
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch)
        write_graphs(full, trained)
        export_encoder(folder / SOUND_ENCODER_FILE, trained.encoder)
        for name in (TRANSFORMER_FILE, DECODER_FILE, HEAD_FILE):
            if quantised:
                quantise(full / name, folder / name)
            else:
                (folder / name).write_bytes((full / name).read_bytes())
    metrics = dict(manifest.metrics)
    for name, parity in measure_parity(folder, trained).items():
        metrics |= {f"{name} {output} SNR dB": snr for output, snr in parity.snr_db.items()}
    described = replace(
        manifest,
        precision="int8 weights, fp32 elsewhere" if quantised else "fp32",
        latent_channels=trained.backbone_sizes.latent_channels,
        architecture=architecture_of(trained),
        metrics={name: round(value, 4) for name, value in metrics.items()},
    )
    graphs = [TRANSFORMER_FILE, DECODER_FILE, HEAD_FILE, SOUND_ENCODER_FILE]
    files = [ENCODER_FILE, TOKENIZER_FILE, *graphs]
    return write_checkpoint(folder, described, files)


def quantise(source: Path, target: Path) -> None:
    """Write a copy of a graph with int8 matrices; the uneven ones are only stored so.

    Args:
        source: What `write_graphs` wrote.
        target: The file to write.
    """
    groups = matrix_groups(source)
    uneven = [node for name in UNEVEN if name in groups for node in groups[name].nodes]
    stored = target.with_suffix(".stored")
    quantise_weights(source, stored, uneven)
    quantise_matmuls(stored, target, keep=uneven)
    stored.unlink()


def write_graphs(folder: Path, trained: Trained) -> None:
    """Write the transformer, the decoder and its head in fp32.

    Args:
        folder: Where the files go.
        trained: The networks.
    """
    channels = trained.backbone_sizes.latent_channels
    traced = transformer_inputs(
        channels, batch=TRACED_BATCH, latents=TRACED_LATENTS, tokens=TRACED_TOKENS
    )
    latents = torch.randn(TRACED_BATCH, channels, TRACED_LATENTS)
    hidden = torch.randn(TRACED_BATCH, TRACED_LATENTS, trained.decoder_sizes.hidden)
    transformer, decoder = edge_backbone(trained.backbone), edge_decoder(trained.decoder)
    export_graph(FlatBackbone(transformer), traced, TRANSFORMER_SHAPE, folder / TRANSFORMER_FILE)
    export_graph(DecoderBody(decoder), (latents,), DECODER_SHAPE, folder / DECODER_FILE)
    export_graph(decoder.head, (hidden,), HEAD_SHAPE, folder / HEAD_FILE)


def export_weights(
    folder: Path, trained: Trained, manifest: Manifest, text: MiniLm | None = None
) -> Checkpoint:
    """Write an accelerator checkpoint; the text encoder must lie in the folder already.

    Args:
        folder: Where `training.export_text` has written.
        trained: The networks.
        manifest: What to say of them; sizes and precision are filled in here.
        text: The text encoder of the folder, where it is to run on the accelerator too.

    Returns:
        The verified checkpoint.
    """
    save_weights(folder / WEIGHTS_FILE, trained.backbone, trained.decoder, text)
    export_encoder(folder / SOUND_ENCODER_FILE, trained.encoder)
    described = replace(
        manifest,
        precision="bf16",
        latent_channels=trained.backbone_sizes.latent_channels,
        architecture=architecture_of(trained),
    )
    files = [ENCODER_FILE, TOKENIZER_FILE, WEIGHTS_FILE, SOUND_ENCODER_FILE]
    return write_checkpoint(folder, described, files)


def export_encoder(path: Path, encoder: Encoder) -> None:
    """Write the code of an encoder as a graph, in fp32: it is small, and runs once a take.

    Args:
        path: The file to write.
        encoder: What made the latents that the networks learnt.
    """
    mean, projection = (encoder.get_buffer(name).numpy() for name in ("mean", "projection"))
    (features,), (latents,) = SOUND_ENCODER_INPUTS, SOUND_ENCODER_OUTPUTS
    write_projection(path, mean, projection, features, latents)


def architecture_of(trained: Trained) -> dict[str, dict[str, int | float]]:
    """Return the sizes that rebuild the modules."""
    return {
        TRANSFORMER_SIZES: asdict(trained.backbone_sizes),
        AUTOENCODER_SIZES: asdict(trained.decoder_sizes),
    }


def measure_parity(folder: Path, trained: Trained) -> dict[str, Parity]:
    """Compare the graphs of a folder with the torch modules, and time them.

    Args:
        folder: Where TRANSFORMER_FILE, DECODER_FILE and HEAD_FILE lie.
        trained: The modules that they came from.

    Returns:
        The parity of "transformer", "decoder" and "head".
    """
    channels = trained.backbone_sizes.latent_channels

    def words(latents: int) -> tuple[torch.Tensor, ...]:
        return transformer_inputs(channels, batch=1, latents=latents, tokens=COMPARED_TOKENS)

    def codes(latents: int) -> tuple[torch.Tensor, ...]:
        return (torch.randn(1, channels, latents),)

    def heard(latents: int) -> tuple[torch.Tensor, ...]:
        with torch.no_grad():
            return (trained.decoder.hidden(*codes(latents)),)

    transformer, body = FlatBackbone(trained.backbone), DecoderBody(trained.decoder)
    head = edge_head(trained.decoder.head)
    return {
        "transformer": _compare(folder / TRANSFORMER_FILE, transformer, TRANSFORMER_SHAPE, words),
        "decoder": _compare(folder / DECODER_FILE, body, DECODER_SHAPE, codes),
        "head": _compare(folder / HEAD_FILE, head, HEAD_SHAPE, heard),
    }


def _compare(
    path: Path,
    module: torch.nn.Module,
    shape: GraphShape,
    draw: Callable[[int], tuple[torch.Tensor, ...]],
) -> Parity:
    graph = OnnxGraph(path.read_bytes(), path.name, threads=TIMED_THREADS)
    inputs = draw(COMPARED_LATENTS)
    with torch.no_grad():
        outputs = module.eval()(*inputs)
    wanted = outputs if isinstance(outputs, tuple) else (outputs,)
    found = graph.run(_named(shape, inputs))
    snr_db = {
        name: signal_to_noise_db(value.numpy(), found[name])
        for name, value in zip(shape.outputs, wanted, strict=True)
    }
    long_inputs = _named(shape, draw(TIMED_LATENTS))
    times_ms = []
    for _ in range(TIMED_RUNS):
        begun_s = time.perf_counter()
        graph.run(long_inputs)
        times_ms.append(1e3 * (time.perf_counter() - begun_s))
    return Parity(snr_db, statistics.median(times_ms), path.stat().st_size / 1e6)


def _named(shape: GraphShape, inputs: Sequence[torch.Tensor]) -> dict[str, npt.NDArray[np.generic]]:
    return {name: value.numpy() for name, value in zip(shape.inputs, inputs, strict=True)}
