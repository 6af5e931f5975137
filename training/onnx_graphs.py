"""Torch modules to ONNX graphs, and graphs in fp32 to graphs with int8 weights.

The one place that writes ONNX. It does not know which network it is given; training/export.py and
training/export_text.py do.
"""

import ast
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
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
INT8_REACH = 127.0
LEAST_SCALE = 1e-12
_SCOPES = "pkg.torch.onnx.name_scopes"


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


def quantise_weights(source: Path, target: Path, nodes: Collection[str]) -> None:
    """Write a copy of a graph in which some matrices are stored as int8 and widened to be used.

    The product itself stays in fp32, so what it multiplies may be as uneven as it likes.

    Args:
        source: An fp32 graph.
        target: The file to write.
        nodes: Names of products with a constant matrix.
    """
    model = onnx.load(str(source))
    graph = model.graph
    matrices = {one.name: one for one in graph.initializer}
    chosen = [node for node in graph.node if node.name in nodes]
    for node in chosen:
        matrix = onnx.numpy_helper.to_array(matrices[node.input[1]])
        scale = (np.abs(matrix).max(axis=0) / INT8_REACH).clip(min=LEAST_SCALE)
        name = f"{node.input[1]}_{node.name}"
        stored = {
            f"{name}_int8": np.rint(matrix / scale).astype(np.int8),
            f"{name}_scale": scale.astype(np.float32),
        }
        graph.initializer.extend(
            onnx.numpy_helper.from_array(value, key) for key, value in stored.items()
        )
        widen = onnx.helper.make_node("DequantizeLinear", [*stored], [f"{name}_wide"], axis=1)
        widen.name = f"{name}_widen"
        graph.node.insert(list(graph.node).index(node), widen)
        node.input[1] = f"{name}_wide"
    used = {name for node in graph.node for name in node.input}
    left = [one for one in graph.initializer if one.name in used]
    del graph.initializer[:]
    graph.initializer.extend(left)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString())


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
        # The types behind an operation of the runtime's own are not inferred.
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )


@dataclass(frozen=True, slots=True)
class MatrixGroup:
    """Products of layers of one kind: the names of their nodes, and how many weights they have."""

    nodes: tuple[str, ...]
    weights: int


def matrix_groups(path: Path) -> dict[str, MatrixGroup]:
    """Group the products with a constant matrix by the layers that they came from.

    Args:
        path: An fp32 graph that `export_graph` wrote.

    Returns:
        By the names of modules without numbers, at most three deep: "blocks.read.to_kv".
    """
    graph = onnx.load(str(path)).graph
    sizes = {one.name: int(np.prod(one.dims)) for one in graph.initializer}
    found: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in sizes:
            found.setdefault(_layers_of(node, path.stem), []).append(node)
    return {
        name: MatrixGroup(
            tuple(node.name for node in nodes), sum(sizes[node.input[1]] for node in nodes)
        )
        for name, nodes in found.items()
    }


def _layers_of(node: onnx.NodeProto, whole: str) -> str:
    told = {one.key: one.value for one in node.metadata_props}
    # The last but one: after it comes the operation itself.
    scopes = ast.literal_eval(told.get(_SCOPES, "[]"))[:-1]
    words = [word for word in (scopes or [""])[-1].split(".") if not word.isdecimal()]
    words = words[1:] if words[:1] in (["backbone"], ["decoder"]) else words
    return ".".join(words[:3]) or whole


def write_projection(
    path: Path,
    mean: npt.NDArray[np.float32],
    axes: npt.NDArray[np.float32],
    source: str,
    target: str,
) -> None:
    """Write a graph that projects rows on axes, as columns.

    Shapes:
        mean: [width]; axes: [width, channels]; the graph: [batch, n, width] ->
        [batch, channels, n]

    Args:
        path: The file to write.
        mean: What is taken off before.
        axes: What rows are multiplied by.
        source: Name of the input.
        target: Name of the output.
    """
    width, channels = axes.shape
    nodes = [
        onnx.helper.make_node("Sub", [source, "mean"], ["centred"]),
        onnx.helper.make_node("MatMul", ["centred", "projection"], ["rows"]),
        onnx.helper.make_node("Transpose", ["rows"], [target], perm=[0, 2, 1]),
    ]
    shapes = ((source, ["batch", "n", width]), (target, ["batch", channels, "n"]))
    faces = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in shapes
    ]
    weights = {"mean": mean, "projection": axes}
    graph = onnx.helper.make_graph(
        nodes,
        path.stem,
        faces[:1],
        faces[1:],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = onnx.helper.make_opsetid("", OPSET)
    model = onnx.helper.make_model_gen_version(graph, opset_imports=[opset])
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def signal_to_noise_db(wanted: npt.ArrayLike, got: npt.ArrayLike) -> float:
    """Return how far below the wanted values the error lies, in dB."""
    reference = np.asarray(wanted, dtype=np.float64)
    error = np.asarray(got, dtype=np.float64) - reference
    return float(10 * np.log10(np.sum(reference**2) / max(np.sum(error**2), 1e-30)))


@dataclass(frozen=True, slots=True)
class GraphWeights:
    """What a graph holds: weights under their names, and the matrices of products in their order.

    Shapes:
        products: each [in, out], by the name of the bias that is added where there is one; all
        others in ``unbiased``, in the order in which the module calls them.
    """

    named: Mapping[str, npt.NDArray[np.float32]]
    biased: Mapping[str, npt.NDArray[np.float32]]
    unbiased: Sequence[npt.NDArray[np.float32]]


def read_weights(path: Path) -> GraphWeights:
    """Read the weights of a graph that `export_graph` or `quantise_matmuls` wrote, in float32.

    Args:
        path: The graph.

    Returns:
        Its weights; int8 matrices are widened again.
    """
    graph = onnx.load(str(path)).graph
    values = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    floats = {n: v.astype(np.float32) for n, v in values.items() if v.dtype == np.float32}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and set(node.input) <= set(values):
            stored, scale = (values[name].astype(np.float32) for name in node.input)
            values[node.output[0]] = stored * scale
    biased: dict[str, npt.NDArray[np.float32]] = {}
    unbiased: list[tuple[int, npt.NDArray[np.float32]]] = []
    for node in graph.node:
        matrix = _matrix_of(node, values)
        if matrix is None:
            continue
        bias = _bias_after(node, graph.node, floats)
        if bias is not None:
            biased[bias] = matrix
        else:
            unbiased.append((_place_of(node.name), matrix))
    unbiased.sort(key=lambda pair: pair[0])
    return GraphWeights(floats, biased, [matrix for _, matrix in unbiased])


def _matrix_of(
    node: onnx.NodeProto, values: Mapping[str, npt.NDArray[np.generic]]
) -> npt.NDArray[np.float32] | None:
    """Return the constant matrix [in, out] that a node multiplies by, when it does."""
    if node.op_type not in ("MatMul", "MatMulInteger", "Gemm") or node.input[1] not in values:
        return None
    value = values[node.input[1]]
    if node.op_type == "MatMulInteger":
        name = node.input[1].removesuffix("_quantized")
        scale, zero = values[f"{name}_scale"], values[f"{name}_zero_point"]
        return (value.astype(np.float32) - zero.astype(np.float32)) * scale.astype(np.float32)
    turned = any(a.name == "transB" and a.i for a in node.attribute)
    return np.asarray(value.T if turned else value, np.float32)


def _bias_after(
    node: onnx.NodeProto,
    nodes: Sequence[onnx.NodeProto],
    floats: Mapping[str, npt.NDArray[np.float32]],
) -> str | None:
    """Return the name of the bias that is added to a product, where one is."""
    if node.op_type == "Gemm" and len(node.input) > 2:
        return str(node.input[2])
    result = node.output[0]
    # A product in int8 is cast and scaled before its bias is added.
    for later in nodes:
        if result not in later.input:
            continue
        if later.op_type == "Add":
            others = [name for name in later.input if name != result and name.endswith(".bias")]
            return others[0] if others and others[0] in floats else None
        if later.op_type in ("Cast", "Mul") and len(later.input) <= 2:
            result = later.output[0]
    return None


def _place_of(name: str) -> int:
    """Return the number in the name of a product's node; they grow as the module calls them."""
    found = re.search(r"_(\d+)(?=_MatMul|_quant|$)", name)
    return int(found[1]) if found else 0
