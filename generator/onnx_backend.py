"""The edge backend: the networks of a checkpoint as ONNX graphs on the CPU.

Knows the names of the graphs' inputs and outputs; generator/pipeline.py knows their order.
"""

from collections.abc import Mapping

import numpy as np

from generator.api import FloatArray
from generator.checkpoint import DECODER_FILE, HEAD_FILE, TRANSFORMER_FILE, Checkpoint
from generator.errors import CheckpointError
from generator.onnx_session import Array, OnnxGraph
from generator.pipeline import LatentGenerator
from generator.sound_encoder import encoder_of
from generator.text import TextEncoder

CONDITION_INPUTS = (
    "text",
    "text_mask",
    "seconds",
    "tempo_bpm",
    "key",
    "note",
    "origin_s",
    "known",
    "known_mask",
)
TRANSFORMER_INPUTS = ("x", "t", *CONDITION_INPUTS)
# Checkpoints from before the transformer knew them play on without.
LATER_INPUTS = ("note", "origin_s")
TRANSFORMER_OUTPUTS = ("v",)
DECODER_INPUTS = ("latents",)
DECODER_OUTPUTS = ("hidden",)
HEAD_INPUTS = ("hidden",)
HEAD_OUTPUTS = ("bins",)
# A hundred latents or ten words are too little to share: the threads wait for each other longer
# than they work (12 s on two cores: 15 ms with two threads, 13 ms with one).
FEW_ROWS_THREADS = 1


class OnnxNetworks:
    """The transformer, the decoder and its head of a checkpoint.

    Args:
        checkpoint: A verified checkpoint.
        threads: Number of threads that the decoder may use.

    Raises:
        CheckpointError: A graph is missing, cannot be opened or has another face than expected.
    """

    def __init__(self, checkpoint: Checkpoint, *, threads: int) -> None:
        transformer, decoder = checkpoint.read(TRANSFORMER_FILE), checkpoint.read(DECODER_FILE)
        self._transformer = OnnxGraph(transformer, "transformer", threads=FEW_ROWS_THREADS)
        self._decoder = OnnxGraph(decoder, "decoder", threads=threads)
        # One thread: the other one makes sound of what the head has named before.
        self._head = OnnxGraph(checkpoint.read(HEAD_FILE), "decoder's head", threads=1)
        self._later = [name for name in LATER_INPUTS if name in self._transformer.input_names]
        _check_names(
            "transformer",
            self._transformer.input_names,
            tuple(n for n in TRANSFORMER_INPUTS if n not in LATER_INPUTS or n in self._later),
        )
        _check_names("transformer", self._transformer.output_names, TRANSFORMER_OUTPUTS)
        _check_names("decoder", self._decoder.input_names, DECODER_INPUTS)
        _check_names("decoder", self._decoder.output_names, DECODER_OUTPUTS)
        _check_names("decoder's head", self._head.input_names, HEAD_INPUTS)
        _check_names("decoder's head", self._head.output_names, HEAD_OUTPUTS)

    def velocity(self, x: FloatArray, t: float, conditions: Mapping[str, Array]) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]  ->  the same
        """
        unknown = set(LATER_INPUTS).difference(self._later)
        told = {name: value for name, value in conditions.items() if name not in unknown}
        return self._transformer.run({"x": x, "t": np.array([t], np.float32), **told})["v"]

    def hidden(self, latents: FloatArray) -> FloatArray:
        """Return what the spectral frames of clean latents are read from.

        Shapes:
            latents: [1, channels, n]  ->  [8 n, width]
        """
        hidden: FloatArray = self._decoder.run({"latents": latents})["hidden"][0]
        return hidden

    def bins(self, hidden: FloatArray) -> FloatArray:
        """Return what is said of the bins of spectral frames.

        Shapes:
            hidden: [m, width], a part of what `hidden` gave  ->  [m, HEAD_WIDTH or more]
        """
        bins: FloatArray = self._head.run({"hidden": hidden[None]})["bins"][0]
        return bins


def open_onnx(checkpoint: Checkpoint, *, threads: int) -> LatentGenerator:
    """Open a checkpoint on the CPU.

    Args:
        checkpoint: A verified checkpoint with ONNX graphs.
        threads: Number of threads that it may use.

    Returns:
        A generator that is ready to work.
    """
    text = TextEncoder(checkpoint.folder, threads=FEW_ROWS_THREADS)
    networks = OnnxNetworks(checkpoint, threads=threads)
    encoder = encoder_of(checkpoint)
    return LatentGenerator(checkpoint.manifest, text, networks, encoder=encoder, threads=threads)


def _check_names(label: str, found: tuple[str, ...], expected: tuple[str, ...]) -> None:
    if set(found) != set(expected):
        raise CheckpointError(
            f"The {label} speaks of {', '.join(found)}; this program expects "
            f"{', '.join(expected)}. Export the checkpoint again with this version."
        )
