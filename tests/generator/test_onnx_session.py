"""Laws of the runtime's border: only whole graphs are opened, every failure is one of ours."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import parser

from generator.checkpoint import DECODER_FILE, HEAD_FILE, SOUND_ENCODER_FILE, TRANSFORMER_FILE
from generator.errors import CheckpointError, GeneratorError
from generator.loading import CHECKPOINTS, HOUSE
from generator.onnx_session import APPLE, PROCESSOR, OnnxGraph, chosen_providers

TWICE = """<ir_version: 9, opset_import: ["" : 18]>
twice (float[N] x) => (float[N] y) { y = Add(x, x) }"""


@pytest.fixture
def twice() -> OnnxGraph:
    return OnnxGraph(parser.parse_model(TWICE).SerializeToString(), "doubler", threads=1)


def test_a_graph_runs(twice: OnnxGraph) -> None:
    assert twice.input_names == ("x",)
    assert twice.output_names == ("y",)
    result = twice.run({"x": np.array([1, 2], np.float32)})
    np.testing.assert_array_equal(result["y"], [2.0, 4.0])


@pytest.mark.parametrize(
    "inputs", [{}, {"x": np.zeros(2, np.int64)}, {"x": np.zeros((2, 2), np.float32)}]
)
def test_wrong_inputs_are_a_generator_error(
    twice: OnnxGraph, inputs: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]
) -> None:
    with pytest.raises(GeneratorError, match="doubler failed"):
        twice.run(inputs)


@pytest.mark.parametrize("content", [b"", b"noise" * 100, b"\x08\x09"])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(CheckpointError, match="doubler cannot be opened"):
        OnnxGraph(content, "doubler", threads=1)


@pytest.mark.parametrize("is_hidden", [False, True])
def test_weights_in_another_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_hidden: bool
) -> None:
    model = parser.parse_model(TWICE.replace("Add(x, x)", "Add(x, w)"))
    weight = onnx.numpy_helper.from_array(np.ones(1000, np.float32), "w")
    model.graph.initializer.append(weight)
    onnx.save_model(
        model, str(tmp_path / "m.onnx"), save_as_external_data=True, location="w", size_threshold=0
    )
    # The runtime would find it where we are.
    monkeypatch.chdir(tmp_path)
    content = (tmp_path / "m.onnx").read_bytes()
    if is_hidden:
        # Fields may come in any order: the value before the key.
        assert b"\x0a\x08location\x12\x01w" in content
        content = content.replace(b"\x0a\x08location\x12\x01w", b"\x12\x01w\x0a\x08location")
    with pytest.raises(CheckpointError, match="External data" if is_hidden else "another file"):
        OnnxGraph(content, "doubler", threads=1)


def test_a_large_graph_in_fp32_goes_to_coreml_where_there_is_one() -> None:
    model = parser.parse_model(TWICE)
    assert chosen_providers([APPLE, PROCESSOR], model.SerializeToString()) == [PROCESSOR]
    weight = onnx.numpy_helper.from_array(np.ones(2**24, np.float32), "w")
    model.graph.initializer.append(weight)
    large = model.SerializeToString()
    assert chosen_providers([APPLE, PROCESSOR], large) == [APPLE, PROCESSOR]
    assert chosen_providers(["AzureExecutionProvider", PROCESSOR], large) == [PROCESSOR]
    model.graph.node[0].domain = "com.microsoft"
    assert chosen_providers([APPLE, PROCESSOR], model.SerializeToString()) == [PROCESSOR]


@pytest.mark.parametrize("name", [TRANSFORMER_FILE, DECODER_FILE, HEAD_FILE, SOUND_ENCODER_FILE])
def test_what_is_shipped_stays_on_the_processor(name: str) -> None:
    model = (CHECKPOINTS / HOUSE / name).read_bytes()
    assert chosen_providers([APPLE, PROCESSOR], model) == [PROCESSOR]
