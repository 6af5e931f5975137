"""Torch modules to ONNX graphs, and graphs in fp32 to graphs with int8 weights.

The one place that writes ONNX. It does not know which network it is given; training/export.py and
training/export_text.py do.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.errors import TrainingError

# The first with Gelu as one node; taken apart it costs as much as all products beside it.
OPSET = 20


@dataclass(frozen=True, slots=True)
class GraphShape:
    """The face of a graph: names of what goes in and out, and which axes may vary.

    `axes` names the varying axes of each input: {"x": {0: "batch", 2: "frames"}}.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    axes: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


def export_graph(
    module: torch.nn.Module,
    examples: Sequence[torch.Tensor],
    shape: GraphShape,
    path: Path,
) -> None:
    """Write a module as one self-contained fp32 ONNX file.

    Args:
        module: What to export, in evaluation mode.
        examples: One tensor per input; varying axes should be at least 2 long.
        shape: Names and varying axes.
        path: The file to write.

    Raises:
        TrainingError: The module gave no graph.
    """
    dims = {name: torch.export.Dim(name, min=1) for name in _axis_names(shape)}
    dynamic = tuple(
        {axis: dims[name] for axis, name in shape.axes.get(value, {}).items()} or None
        for value in shape.inputs
    )
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            tuple(examples),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(shape.inputs),
            output_names=list(shape.outputs),
            dynamic_shapes=dynamic,
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise TrainingError(f"No graph came of exporting {path.name}; nothing was written.")
    path.parent.mkdir(parents=True, exist_ok=True)
    program.save(str(path), external_data=False)
    onnx.checker.check_model(str(path))


def _axis_names(shape: GraphShape) -> list[str]:
    return sorted({name for axes in shape.axes.values() for name in axes.values()})


def quantise_matmuls(source: Path, target: Path, *, keep: Sequence[str] = ()) -> None:
    """Write a copy of a graph whose weight matrices are int8, one scale per output channel.

    Only products with a constant weight change; attention products stay as they are.

    Args:
        source: An fp32 graph.
        target: The file to write.
        keep: Names of nodes that stay fp32.
    """
    model = onnx.load(str(source))
    # Stale shapes of intermediate values contradict the quantiser where it transposes a weight.
    del model.graph.value_info[:]
    quantize_dynamic(
        model,
        str(target),
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=list(keep),
        extra_options={"MatMulConstBOnly": True},
    )


def signal_to_noise_db(wanted: npt.ArrayLike, got: npt.ArrayLike) -> float:
    """Return how far below the wanted values the error lies, in dB."""
    reference = np.asarray(wanted, dtype=np.float64)
    error = np.asarray(got, dtype=np.float64) - reference
    return float(10 * np.log10(np.sum(reference**2) / max(np.sum(error**2), 1e-30)))
