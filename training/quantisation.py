"""What int8 costs, one group of layers at a time: the size it saves, and how far the sound moves.

Every matrix of a group is int8 and all else is fp32; what comes out is compared with fp32 on real
prompts, as the graph's own output and as the levels that are heard. `training/export.py` writes the
graphs, this file compares; it knows no losses.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.api import FloatArray, GenerationRequest
from generator.checkpoint import DECODER_FILE, HEAD_FILE, TRANSFORMER_FILE, Manifest
from generator.noise import seeded_noise
from generator.onnx_session import OnnxGraph
from generator.pipeline import Array, LatentGenerator
from generator.spectral import BINS
from generator.text import TextEncoder
from training.config import ReleaseRun
from training.export import Trained, quantise, write_graphs
from training.onnx_graphs import matrix_groups, quantise_matmuls
from training.states import StateNetworks

GRAPHS = (TRANSFORMER_FILE, DECODER_FILE, HEAD_FILE)
PROMPTS = (
    "deep 808 kick, short",
    "closed hi-hat, bright",
    "snare drum, tight",
    "warm pad in C minor, slow",
    "soft marimba note",
    "fat saw bass note",
    "female voice singing ah",
    "four bars of house drums",
)
SECONDS = 2.0
# Bins that lie further below the loudest of a take are not heard beside it.
HEARD_DB = 60.0
DB_PER_NEPER = 20.0 / np.log(10.0)
HEADING = """\
| graph | layers | fp32 MB | int8 MB | relative error of the output | error of levels, dB |
|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Group:
    """What one group of layers costs in int8.

    Attributes:
        graph: The file.
        layers: Names of modules without their numbers; "all", or all in the way of the export.
        full_mb: Size of their matrices in fp32.
        int8_mb: And in int8.
        error: Root mean square of the output's error over that of the output.
        level_db: Root mean square of the error of levels, of what is heard.
    """

    graph: str
    layers: str
    full_mb: float
    int8_mb: float
    error: float
    level_db: float


class Listener:
    """Runs the three graphs on the same prompts, whatever they hold.

    Args:
        folder: Where they lie in fp32.
        conditions: For each prompt, what the transformer reads besides noise and time.
        channels: Number of latent channels.
    """

    def __init__(self, folder: Path, conditions: list[Mapping[str, Array]], channels: int) -> None:
        self._full = {name: open_graph(folder / name) for name in GRAPHS}
        inputs = []
        for seed, given in enumerate(conditions):
            noise = seeded_noise(seed, given["known"].shape[2], channels)[None]
            inputs.append({"x": noise, "t": np.ones(1, np.float32), **given})
        names = set(self._full[TRANSFORMER_FILE].input_names)
        self._inputs = [{name: one[name] for name in names} for one in inputs]
        self._noise = [one["x"] for one in inputs]
        clean = self.clean(self._full[TRANSFORMER_FILE])
        hidden = self.hidden(self._full[DECODER_FILE], clean)
        bins = self.bins(self._full[HEAD_FILE], hidden)
        self._wanted = {TRANSFORMER_FILE: clean, DECODER_FILE: hidden, HEAD_FILE: bins}

    def clean(self, graph: OnnxGraph) -> list[FloatArray]:
        """Return the latents of each prompt in one step."""
        pairs = zip(self._noise, self._inputs, strict=True)
        return [noise - graph.run(given)["v"] for noise, given in pairs]

    def hidden(self, graph: OnnxGraph, latents: list[FloatArray]) -> list[FloatArray]:
        """Return what the bins are read from."""
        return [graph.run({"latents": one})["hidden"] for one in latents]

    def bins(self, graph: OnnxGraph, hidden: list[FloatArray]) -> list[FloatArray]:
        """Return what the head names."""
        return [graph.run({"hidden": one})["bins"] for one in hidden]

    def errors(self, name: str, graph: OnnxGraph) -> tuple[float, float]:
        """Compare a graph with its fp32 form.

        Args:
            name: Which of GRAPHS it stands for.
            graph: It.

        Returns:
            The relative error of its output, and that of levels in dB.
        """
        wanted = self._wanted
        found = {
            TRANSFORMER_FILE: lambda: self.clean(graph),
            DECODER_FILE: lambda: self.hidden(graph, wanted[TRANSFORMER_FILE]),
            HEAD_FILE: lambda: self.bins(graph, wanted[DECODER_FILE]),
        }[name]()
        heard = found
        if name == TRANSFORMER_FILE:
            heard = self.hidden(self._full[DECODER_FILE], heard)
        if name != HEAD_FILE:
            heard = self.bins(self._full[HEAD_FILE], heard)
        return relative_error(wanted[name], found), level_error_db(wanted[HEAD_FILE], heard)


def open_graph(path: Path) -> OnnxGraph:
    """Open a graph to be run by one thread."""
    return OnnxGraph(path.read_bytes(), path.name, threads=1)


def relative_error(wanted: list[FloatArray], found: list[FloatArray]) -> float:
    """Return the root mean square of an error over that of what is wanted."""
    error = sum(float(np.square(a - b).sum()) for a, b in zip(wanted, found, strict=True))
    return float(np.sqrt(error / sum(float(np.square(a).sum()) for a in wanted)))


def level_error_db(wanted: list[FloatArray], found: list[FloatArray]) -> float:
    """Return how far levels of mid are off, as a root of the mean square, where they are heard.

    Shapes:
        wanted, found: [1, n, HEAD_WIDTH] each
    """
    squares, count = 0.0, 0
    for a, b in zip(wanted, found, strict=True):
        levels = DB_PER_NEPER * a[..., 1:BINS]
        heard = levels > levels.max() - HEARD_DB
        errors = DB_PER_NEPER * b[..., 1:BINS][heard] - levels[heard]
        squares, count = squares + float(np.square(errors).sum()), count + int(heard.sum())
    return float(np.sqrt(squares / count))


def measure(run: ReleaseRun, trained: Trained) -> Iterator[Group]:
    """Measure every group of layers of a checkpoint that is to be exported.

    Args:
        run: Names the text encoder.
        trained: The networks.

    Yields:
        Each group as it is measured, graph by graph, all of a graph's together first.
    """
    networks = StateNetworks(trained.backbone, trained.decoder)
    text = TextEncoder(run.text_encoder)
    channels = trained.backbone_sizes.latent_channels
    manifest = Manifest("measured", "one step", "as given", "fp32", channels)
    pipeline = LatentGenerator(manifest, text, networks)
    requests = [GenerationRequest(prompt, 1, SECONDS) for prompt in PROMPTS]
    conditions: list[Mapping[str, Array]] = [pipeline.conditions(one) for one in requests]
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch)
        write_graphs(full, trained)
        listener = Listener(full, conditions, channels)
        for name in GRAPHS:
            yield from _groups(full / name, lambda graph, name=name: listener.errors(name, graph))  # type: ignore[misc]


def _groups(path: Path, errors: Callable[[OnnxGraph], tuple[float, float]]) -> Iterator[Group]:
    found = matrix_groups(path)
    everything = [node for group in found.values() for node in group.nodes]
    chosen = {"all": everything, **{name: group.nodes for name, group in found.items()}}
    for name, nodes in chosen.items():
        if name != "all" or len(found) > 1:
            target = path.with_suffix(".int8")
            quantise_matmuls(path, target, keep=[one for one in everything if one not in nodes])
            weights = sum(g.weights for n, g in found.items() if name in ("all", n))
            sizes_mb = (4e-6 * weights, 1e-6 * weights)
            yield Group(path.name, name, *sizes_mb, *errors(open_graph(target)))
    quantise(path, target := path.with_suffix(".exported"))
    weights = sum(group.weights for group in found.values())
    sizes_mb = (4e-6 * weights, 1e-6 * weights)
    yield Group(path.name, "as exported", *sizes_mb, *errors(open_graph(target)))


def row(group: Group) -> str:
    """Return a group as a line of the table under HEADING."""
    return (
        f"| `{group.graph}` | {group.layers} | {group.full_mb:.2f} | {group.int8_mb:.2f} | "
        f"{group.error:.4f} | {group.level_db:.2f} |"
    )
