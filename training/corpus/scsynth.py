"""SuperCollider's synthesis server without real time: a score in, sound out.

The only file that starts scsynth and that knows its score and its compiled synthesisers. Knows no
voices.

References:
    SuperCollider's help: "Server Command Reference", "Non-Realtime Synthesis", "Synth Definition
    File Format" (version 1).
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pythonosc.osc_message_builder import OscMessageBuilder

from generator.api import SAMPLE_RATE_HZ, FloatArray
from training.corpus.programs import find_program, run_program
from training.errors import TrainingError
from training.sound_files import read_sound

SEEDER = "seeder"
AT_HEAD, AFTER = 0, 3
_ROOT_GROUP = 0
_TOLD_CHARACTERS = 400


class ScSynth:
    """The command scsynth, one run for each score."""

    def __init__(self, share: str) -> None:
        """Look for it.

        Args:
            share: The setting that makes it needed.

        Raises:
            TrainingError: It is not installed.
        """
        self._command = find_program("scsynth", package="supercollider-server", share=share)

    def render(self, score: bytes) -> FloatArray:
        """Play a score.

        Args:
            score: What `score_of` returned.

        Returns:
            Sound at 44.1 kHz, [frames, 2].

        Raises:
            TrainingError: scsynth refused a command of the score.
        """
        with tempfile.TemporaryDirectory() as scratch:
            written, made = Path(scratch) / "clip.osc", Path(scratch) / "clip.wav"
            written.write_bytes(score)
            files = ("-N", str(written), "_", str(made))
            form = (str(SAMPLE_RATE_HZ), "WAV", "float", "-i", "0", "-o", "2", "-D", "0")
            told = run_program([self._command, *files, *form])
            if "FAILURE" in told:
                raise TrainingError(f"scsynth refuses a command: {told[-_TOLD_CHARACTERS:]}")
            return read_sound(made).audio


def score_of(synthdefs: Sequence[bytes], start: Sequence[bytes], seconds: float) -> bytes:
    """Return a score: synthesisers are received, synths start, and after a time all is over.

    Args:
        synthdefs: Compiled synthesisers.
        start: Messages of `synth`, in the order in which they are to compute.
        seconds: Length of the sound.

    Returns:
        The score as scsynth reads it from a file.
    """
    received = [_message("/d_recv", definition) for definition in synthdefs]
    end = [_message("/c_set", 0, 0.0)]  # a score lasts until its last bundle
    return _bundle(0.0, [*received, *start]) + _bundle(seconds, end)


def synth(
    name: str, node: int, controls: Mapping[str, float], *, after: int | None = None
) -> bytes:
    """Return the message that starts a synth.

    Args:
        name: Name in its compiled synthesiser.
        node: A number of its own.
        controls: Values by name.
        after: The node that it computes after; None for the first.

    Returns:
        The message as OSC.
    """
    place = (AT_HEAD, _ROOT_GROUP) if after is None else (AFTER, after)
    flat = [item for name_value in controls.items() for item in name_value]
    return _message("/s_new", name, node, *place, *flat)


def seeder() -> bytes:
    """Return a compiled synthesiser that sets the random numbers of all synths after it.

    scsynth seeds them from the clock; the unit RandSeed is the only other way. Its one control is
    ``seed``.
    """
    constants = struct.pack(">hf", 1, 1.0)
    controls = struct.pack(">hf", 1, 0.0) + struct.pack(">h", 1) + _name("seed", ">h", 0)
    control = _name("Control", ">bhhh", 0, 0, 1, 0) + struct.pack(">b", 0)
    # Inputs: the constant as trigger, the control as seed.
    rand_seed = _name("RandSeed", ">bhhh", 0, 2, 1, 0) + struct.pack(">hhhhb", -1, 0, 0, 0, 0)
    units = struct.pack(">h", 2) + control + rand_seed
    variants = struct.pack(">h", 0)
    name = _name(SEEDER, "")
    return b"SCgf" + struct.pack(">ih", 1, 1) + name + constants + controls + units + variants


def _name(name: str, form: str, *values: int) -> bytes:
    """A Pascal string, and numbers behind it."""
    return bytes([len(name)]) + name.encode("ascii") + struct.pack(form, *values)


def _message(address: str, *arguments: str | bytes | int | float) -> bytes:
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build().dgram


def _bundle(time_s: float, messages: Sequence[bytes]) -> bytes:
    """A bundle as a score holds it: its length, then OSC with seconds from the start as time."""
    body = b"#bundle\0" + struct.pack(">Q", round(time_s * 2**32))
    body += b"".join(struct.pack(">i", len(message)) + message for message in messages)
    return struct.pack(">i", len(body)) + body
