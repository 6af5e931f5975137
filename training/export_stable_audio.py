"""Stable Audio Open Small to an edge checkpoint: ONNX in fp32 or int8, with its parity.

`python -m training.export_stable_audio FOLDER CHECKPOINT [--int8]`, FOLDER as its user brought it
(generator/stable_audio/files.py). The exported files are a copy of the weights: their licence goes
with them, named in the manifest. Knows neither how the networks work nor how ONNX is written.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from generator.api import CHANNELS
from generator.checkpoint import (
    DECODER_FILE,
    SOUND_ENCODER_FILE,
    TRANSFORMER_FILE,
    Checkpoint,
    Licence,
    Manifest,
    write_checkpoint,
)
from generator.errors import GeneratorError
from generator.onnx_session import OnnxGraph
from generator.stable_audio.files import (
    FAMILY,
    SOURCE,
    TOKENIZER_FILE,
    StableAudioFolder,
    open_folder,
)
from generator.stable_audio.model import StableAudioModel
from generator.stable_audio.onnx_networks import FACES, TEXT_FILE
from generator.stable_audio.weights import load_model
from training.onnx_graphs import GraphShape, export_graph, quantise_matmuls, signal_to_noise_db

# Lengths for tracing and for comparing differ on purpose.
TRACED, COMPARED = 7, 13
THREADS = 2
AXES: Mapping[str, Mapping[str, Mapping[int, str]]] = {
    TEXT_FILE: {name: {0: "batch", 1: "pieces"} for name in ("ids", "mask")},
    TRANSFORMER_FILE: {
        "x": {0: "batch", 2: "latents"},
        "t": {0: "batch"},
        "text": {0: "batch"},
        "seconds": {0: "batch"},
    },
    DECODER_FILE: {"latents": {0: "batch", 2: "latents"}},
    SOUND_ENCODER_FILE: {"audio": {0: "batch", 2: "frames"}},
}
# Dynamic int8 makes matrix products smaller and faster; of convolutions it would make slower ones.
QUANTISED = (TEXT_FILE, TRANSFORMER_FILE)


@dataclass(frozen=True, slots=True)
class Part:
    """One network and how inputs of a length are drawn for it."""

    module: torch.nn.Module
    inputs: tuple[torch.Tensor, ...]
    others: tuple[torch.Tensor, ...]


def parts_of(model: StableAudioModel) -> dict[str, Part]:
    """Return the network behind each file, with inputs to trace and inputs to compare."""
    config = model.config
    source = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=source)

    def words(batch: int, count: int) -> tuple[torch.Tensor, ...]:
        vocabulary = model.text.shared.num_embeddings
        mask = torch.ones(batch, count)
        mask[1:, -2:] = 0.0
        return torch.randint(0, vocabulary, (batch, count), generator=source), mask

    def step(batch: int, count: int) -> tuple[torch.Tensor, ...]:
        text = noise(batch, config.text_tokens, config.condition_width)
        seconds = 10.0 * torch.rand(batch, generator=source)
        x = noise(batch, config.transformer.channels, count)
        return x, torch.rand(batch, generator=source), text, seconds

    def codes(batch: int, count: int) -> tuple[torch.Tensor, ...]:
        return (noise(batch, config.transformer.channels, count),)

    def sounds(batch: int, count: int) -> tuple[torch.Tensor, ...]:
        return (noise(batch, CHANNELS, count * config.autoencoder.hop_frames),)

    modules = {
        TEXT_FILE: (model.text, words),
        TRANSFORMER_FILE: (model.velocity, step),
        DECODER_FILE: (model.decoder, codes),
        SOUND_ENCODER_FILE: (model.encoder, sounds),
    }
    return {
        name: Part(module, draw(2, TRACED), draw(1, COMPARED))
        for name, (module, draw) in modules.items()
    }


def export_stable_audio(brought: StableAudioFolder, folder: Path, *, quantised: bool) -> Checkpoint:
    """Write an edge checkpoint of an imported model.

    Args:
        brought: What the user brought.
        folder: Where to write; made where missing.
        quantised: Whether weight matrices are stored as int8.

    Returns:
        The verified checkpoint, its parity among its metrics.
    """
    model = load_model(brought)
    with tempfile.TemporaryDirectory() as scratch:
        write_graphs(model, Path(scratch))
        return seal(model, brought, Path(scratch), folder, quantised=quantised)


def write_graphs(model: StableAudioModel, folder: Path) -> None:
    """Write the model's graphs in fp32 into a folder."""
    for name, part in parts_of(model).items():
        inputs, output = FACES[name]
        export_graph(
            part.module, part.inputs, GraphShape(inputs, (output,), AXES[name]), folder / name
        )


def seal(
    model: StableAudioModel,
    brought: StableAudioFolder,
    graphs: Path,
    folder: Path,
    *,
    quantised: bool,
) -> Checkpoint:
    """Make a checkpoint of graphs in fp32.

    Args:
        model: Where the graphs come from.
        brought: Where the model comes from.
        graphs: What `write_graphs` wrote.
        folder: Where to write; made where missing.
        quantised: Whether weight matrices are stored as int8.

    Returns:
        The verified checkpoint, its parity among its metrics.
    """
    config = model.config
    folder.mkdir(parents=True, exist_ok=True)
    metrics = {}
    for name, part in parts_of(model).items():
        if quantised and name in QUANTISED:
            quantise_matmuls(graphs / name, folder / name)
        else:
            shutil.copyfile(graphs / name, folder / name)
        metrics[f"{name.removesuffix('.onnx')} SNR dB"] = round(_parity(folder / name, part), 1)
    shutil.copyfile(
        brought.text_folder(config.text_model) / TOKENIZER_FILE, folder / TOKENIZER_FILE
    )
    manifest = Manifest(
        name=f"{brought.name}{'-int8' if quantised else ''}",
        objective="one step, ARC (Novack et al. 2025)",
        text_encoder=config.text_model,
        precision="int8 weights of matrices, fp32 elsewhere" if quantised else "fp32",
        latent_channels=config.transformer.channels,
        family=FAMILY,
        latent_hop_frames=config.autoencoder.hop_frames,
        architecture={FAMILY: asdict(config.clip)},
        licences=(Licence("all networks", brought.licence, SOURCE),),
        metrics=metrics,
    )
    return write_checkpoint(folder, manifest, [*FACES, TOKENIZER_FILE])


def _parity(path: Path, part: Part) -> float:
    """Return how far below the torch module's output the graph's error lies, in dB."""
    inputs, output = FACES[path.name]
    graph = OnnxGraph(path.read_bytes(), path.name, threads=THREADS)
    with torch.inference_mode():
        wanted = part.module(*part.others)
    named = {name: value.numpy() for name, value in zip(inputs, part.others, strict=True)}
    return signal_to_noise_db(wanted.numpy(), graph.run(named)[output])


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey the command line; the exit status is 1 where the model is refused."""
    parser = argparse.ArgumentParser(
        prog="python -m training.export_stable_audio", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="the model as its user brought it")
    parser.add_argument("checkpoint", type=Path, help="where the checkpoint goes")
    parser.add_argument("--int8", action="store_true", help="store weight matrices as int8")
    options = parser.parse_args(arguments)
    try:
        brought = open_folder(options.folder)
        written = export_stable_audio(brought, options.checkpoint, quantised=options.int8)
    except GeneratorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name, value in written.manifest.metrics.items():
        sys.stdout.write(f"{name}: {value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
