"""An imported model on the edge backend: the graphs of an exported checkpoint, on the CPU.

Knows the names of the graphs' inputs and outputs, and where the manifest keeps the model's clip.
"""

from dataclasses import fields
from functools import cached_property

import numpy as np

from generator.api import MAX_SECONDS, SAMPLE_RATE_HZ, FloatArray, IntArray
from generator.checkpoint import (
    DECODER_FILE,
    MAX_LATENT_CHANNELS,
    SOUND_ENCODER_FILE,
    TRANSFORMER_FILE,
    Checkpoint,
    Manifest,
)
from generator.errors import CheckpointError
from generator.onnx_session import OnnxGraph
from generator.stable_audio.files import FAMILY, TOKENIZER_FILE
from generator.stable_audio.pipeline import StableAudioGenerator
from generator.stable_audio.sizes import MAX_SIZE, ClipSizes
from generator.stable_audio.tokens import Pieces

TEXT_FILE = "text_encoder.onnx"
# Which graph has which face: inputs, then the one output.
FACES = {
    TEXT_FILE: (("ids", "mask"), "states"),
    TRANSFORMER_FILE: (("x", "t", "text", "seconds"), "v"),
    DECODER_FILE: (("latents",), "audio"),
    SOUND_ENCODER_FILE: (("audio",), "latents"),
}


class OnnxNetworks:
    """The graphs of an exported model.

    Args:
        checkpoint: A verified checkpoint of FAMILY.
        threads: Number of threads that one graph may use.

    Raises:
        CheckpointError: A graph is missing, cannot be opened or has another face than expected.
    """

    def __init__(self, checkpoint: Checkpoint, *, threads: int) -> None:
        self._text, self._transformer, self._decoder = (
            _open_graph(checkpoint, name, threads)
            for name in (TEXT_FILE, TRANSFORMER_FILE, DECODER_FILE)
        )
        # Exports of before have none.
        self.hears = SOUND_ENCODER_FILE in checkpoint.manifest.files
        self._checkpoint, self._threads = checkpoint, threads

    @cached_property
    def _encoder(self) -> OnnxGraph:
        """Opened when it is wanted: most who play never begin from a sound."""
        return _open_graph(self._checkpoint, SOUND_ENCODER_FILE, self._threads)

    def encode(self, ids: IntArray) -> FloatArray:
        """Return the states of one text.

        Shapes:
            ids: [pieces]  ->  [pieces, text_width]
        """
        mask = np.ones((1, len(ids)), np.float32)
        states: FloatArray = self._text.run({"ids": ids[None], "mask": mask})["states"][0]
        return states

    def velocity(self, x: FloatArray, t: float, text: FloatArray, seconds: float) -> FloatArray:
        """Return dx/dt of noised latents.

        Shapes:
            x: [1, channels, n]; text: [1, text_tokens, text_width]  ->  the shape of x
        """
        time, length = np.array([t], np.float32), np.array([seconds], np.float32)
        return self._transformer.run({"x": x, "t": time, "text": text, "seconds": length})["v"]

    def decode(self, latents: FloatArray) -> FloatArray:
        """Return the sound of clean latents.

        Shapes:
            latents: [1, channels, n]  ->  [n * hop_frames, 2]
        """
        return np.ascontiguousarray(self._decoder.run({"latents": latents})["audio"][0].T)

    def hear(self, audio: FloatArray) -> FloatArray:
        """Return the latents of a sound.

        Shapes:
            audio: [n * hop_frames, 2]  ->  [1, channels, n]
        """
        return self._encoder.run({"audio": np.ascontiguousarray(audio.T)[None]})["latents"]


def open_exported(checkpoint: Checkpoint, *, threads: int) -> StableAudioGenerator:
    """Open an exported model.

    Args:
        checkpoint: A verified checkpoint of FAMILY.
        threads: Number of threads that it may use.

    Returns:
        A generator that is ready to work.
    """
    sizes = clip_of(checkpoint.manifest)
    pieces = Pieces(checkpoint.path(TOKENIZER_FILE), most=sizes.text_tokens)
    networks = OnnxNetworks(checkpoint, threads=threads)
    return StableAudioGenerator(checkpoint.manifest.name, sizes, pieces, networks)


def clip_of(manifest: Manifest) -> ClipSizes:
    """Return the clip that a manifest describes.

    Args:
        manifest: That of a checkpoint of FAMILY.

    Returns:
        Its sizes.

    Raises:
        CheckpointError: They are missing, are no counts, or are too large.
    """
    found = manifest.architecture.get(FAMILY, {})
    sizes = {part.name: found.get(part.name, 0) for part in fields(ClipSizes)}
    if not all(isinstance(size, int) and 0 < size <= MAX_SIZE for size in sizes.values()):
        raise CheckpointError(
            f"The checkpoint {manifest.name!r} does not give the sizes of its clip "
            f"({', '.join(sizes)}); export it again."
        )
    clip = ClipSizes(**{name: int(size) for name, size in sizes.items()})
    if clip.channels > MAX_LATENT_CHANNELS or clip.frames > MAX_SECONDS * SAMPLE_RATE_HZ:
        raise CheckpointError(
            f"The checkpoint {manifest.name!r} has a clip of {clip.frames / SAMPLE_RATE_HZ:.0f} s "
            f"with {clip.channels} channels; at most {MAX_SECONDS:.0f} s and "
            f"{MAX_LATENT_CHANNELS} are taken."
        )
    return clip


def _open_graph(checkpoint: Checkpoint, name: str, threads: int) -> OnnxGraph:
    inputs, output = FACES[name]
    graph = OnnxGraph(checkpoint.read(name), name, threads=threads)
    if set(graph.input_names) != set(inputs) or graph.output_names != (output,):
        raise CheckpointError(
            f"The graph {name} speaks of {', '.join(graph.input_names + graph.output_names)}; "
            f"this program expects {', '.join((*inputs, output))}. Export the checkpoint again."
        )
    return graph
