"""The one place that touches onnxruntime: verified bytes in, a quiet session out.

It does not know what a graph computes. Sessions are opened from bytes, never from a path, so that
what was verified is what runs and a graph cannot pull further files in.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from generator.errors import CheckpointError, GeneratorError

Array = npt.NDArray[Any]

# A protobuf entry {key: "location", value: ...}: the mark of a tensor that lies in another file.
_EXTERNAL_TENSOR_MARK = b"\x0a\x08location\x12"
# The names of operations that only processors have: int8 products, and the runtime's own domain.
_PROCESSOR_MARKS = (b"MatMulInteger", b"DynamicQuantize", b"com.microsoft")
_OUTSIDE_FOLDER = "session.model_external_initializers_file_folder_path"
PROCESSOR, APPLE = "CPUExecutionProvider", "CoreMLExecutionProvider"
# Smaller graphs are done sooner than they are compiled for CoreML and copied there.
_APPLE_LEAST_BYTES = 2**26
_LOG_ERRORS_ONLY = 3
_RUNTIME_FAULTS = (
    runtime_errors.EPFail,
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NoModel,
    runtime_errors.NoSuchFile,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
    RuntimeError,
    TypeError,
    ValueError,
)


def chosen_providers(available: Sequence[str], model: bytes) -> list[str]:
    """Choose what runs a graph, by what is there; the processor always can.

    CoreML takes large graphs of operations that it knows; of any other it would run pieces, and
    every seam between them is a copy, so such a graph stays on the processor as a whole.

    Args:
        available: What the runtime names on this machine.
        model: The bytes of the graph.

    Returns:
        Names in the order of preference.
    """
    is_small = len(model) < _APPLE_LEAST_BYTES
    if APPLE not in available or is_small or any(mark in model for mark in _PROCESSOR_MARKS):
        return [PROCESSOR]
    return [APPLE, PROCESSOR]


class OnnxGraph:
    """A graph that is ready to run.

    Args:
        model: The bytes of a self-contained ONNX file.
        label: What the graph is, for error texts.
        threads: Number of threads that one run may use.

    Raises:
        CheckpointError: The bytes are no ONNX graph that this runtime can run alone.
    """

    def __init__(self, model: bytes, label: str, *, threads: int) -> None:
        if _EXTERNAL_TENSOR_MARK in model:
            raise CheckpointError(
                f"The {label} keeps weights in another file; only self-contained ONNX files are "
                "opened. Export it again as one file."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _LOG_ERRORS_ONLY
        # Idle threads that spin would take the core from the audio callback.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The mark can be spelt in other ways: what is in another file is looked for where none is.
        options.add_session_config_entry(_OUTSIDE_FOLDER, os.devnull)
        try:
            providers = chosen_providers(onnxruntime.get_available_providers(), model)
            self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        except _RUNTIME_FAULTS as error:
            raise CheckpointError(f"The {label} cannot be opened: {_short(error)}") from error
        self._label = label
        self._outputs = [output.name for output in self._session.get_outputs()]

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs in order."""
        return tuple(value.name for value in self._session.get_inputs())

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs in order."""
        return tuple(self._outputs)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, npt.NDArray[np.float32]]:
        """Run the graph once.

        Args:
            inputs: An array for every input name.

        Returns:
            An array for every output name.

        Raises:
            GeneratorError: The runtime refused the inputs or failed.
        """
        try:
            values = self._session.run(self._outputs, dict(inputs))
        except _RUNTIME_FAULTS as error:
            raise GeneratorError(f"The {self._label} failed: {_short(error)}") from error
        return dict(zip(self._outputs, values, strict=True))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
