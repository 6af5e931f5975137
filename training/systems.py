"""The systems under test: a checkpoint in some steps, the same weights in fp32, the teacher.

All answer requests as the daemon's generator does, from the same noise. Knows no measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import generator
from generator.api import FloatArray, GenerationRequest, Generator
from generator.checkpoint import Manifest
from generator.pipeline import LatentGenerator
from generator.text import TextEncoder
from training.config import EvaluationRun
from training.errors import TrainingError
from training.states import OdeGenerator, StateNetworks, load_decoder
from training.student import load_backbone
from training.vectors import fingerprint

SOUND_MAKERS = ("autoencoder", "backbone", "finishing", "interpolant", "pipeline", "spectral")


@dataclass(frozen=True, slots=True)
class Subject:
    """A generator under test and how many steps it may take.

    ``kept_as`` names its takes in a cache; None where they are made anew each time.
    """

    name: str
    generator: Generator
    steps: int = 1
    kept_as: str | None = None

    def take(self, request: GenerationRequest) -> FloatArray:
        """Return the sound of a request."""
        return self.generator.generate(request).audio


def step_name(steps: int) -> str:
    """Return what the page calls a number of steps."""
    return "1 step" if steps == 1 else f"{steps} steps"


def of_checkpoint(made: Generator, steps: Sequence[int]) -> list[Subject]:
    """Return a checkpoint in each number of steps."""
    return [Subject(step_name(count), made, count) for count in steps]


def of_states(run: EvaluationRun, words: TextEncoder) -> list[Subject]:
    """Return the student's state in fp32 in each number of steps, when the run names one.

    Args:
        run: Names the states.
        words: The text encoder.

    Returns:
        One subject for each number of steps, or none.

    Raises:
        TrainingError: There is no autoencoder to decode with.
    """
    if run.student is None:
        return []
    if run.autoencoder is None:
        raise TrainingError("a student's state needs the autoencoder's: give `autoencoder` as well")
    networks = StateNetworks(load_backbone(run.student, run.model), load_decoder(run.autoencoder))
    channels = networks.backbone.config.latent_channels
    manifest = Manifest("fp32", "as given", "as given", "fp32", channels)
    made = LatentGenerator(manifest, words, networks)
    return [Subject(f"{step_name(count)}, fp32", made, count) for count in run.steps]


def teacher_of(run: EvaluationRun, words: TextEncoder) -> Subject | None:
    """Return the teacher along its whole flow, when the run has one."""
    if run.teacher is None or run.autoencoder is None:
        return None
    networks = StateNetworks(load_backbone(run.teacher, run.model), load_decoder(run.autoencoder))
    made = OdeGenerator(networks, words, steps=run.teacher_steps, guidance=run.teacher_guidance)
    files = [file_stamp(path) for path in (run.teacher, run.autoencoder)]
    known = fingerprint(files, run.teacher_steps, run.teacher_guidance, code_stamp())
    return Subject(made.name, made, kept_as=f"teacher-{known}")


def file_stamp(path: Path) -> tuple[int, int]:
    """Return what tells a file from an earlier one of the same name: its size and its time."""
    return path.stat().st_size, path.stat().st_mtime_ns


def code_stamp() -> str:
    """Return what tells the code between weights and sound from an earlier one."""
    folder = Path(generator.__file__).parent
    return fingerprint(*((folder / f"{name}.py").read_text("utf-8") for name in SOUND_MAKERS))
