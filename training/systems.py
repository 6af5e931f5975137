"""The systems under test: a checkpoint in some steps, the same weights in fp32, the teacher.

All answer requests as the daemon's generator does, from the same noise. Knows no measure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import generator
from generator.api import FloatArray, GenerationRequest, Generator
from generator.checkpoint import Manifest
from generator.pipeline import LatentGenerator
from generator.text import TextEncoder
from training.config import ComparedState, EvaluationRun, ScoredRun
from training.errors import TrainingError
from training.sampling import OdeLaw
from training.states import OdeGenerator, StateNetworks, load_decoder
from training.student import load_backbone
from training.vectors import fingerprint

SOUND_MAKERS = (
    "autoencoder", "backbone", "canvas", "finishing", "interpolant", "levels", "noise",
    "overlap_add", "phase_walk", "pipeline", "speaking", "spectral", "synthesis",
)  # fmt: skip


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

    def takes(self, requests: Sequence[GenerationRequest]) -> Iterator[tuple[int, FloatArray]]:
        """Yield the number and the sound of each request, in whatever order is quick."""
        if isinstance(self.generator, OdeGenerator):
            yield from self.generator.takes(requests)
            return
        for number, request in enumerate(requests):
            yield number, self.take(request)


def step_name(steps: int) -> str:
    """Return what the page calls a number of steps."""
    return "1 step" if steps == 1 else f"{steps} steps"


def of_checkpoint(made: Generator, steps: Sequence[int]) -> list[Subject]:
    """Return a checkpoint in each number of steps."""
    return [Subject(step_name(count), made, count) for count in steps]


def of_states(run: EvaluationRun, words: TextEncoder) -> list[Subject]:
    """Return the student's state in fp32 in each number of steps, when the run names one."""
    if run.student is None:
        return []
    given = [
        ComparedState(name=f"{step_name(count)}, fp32", state=run.student, steps=count)
        for count in run.steps
    ]
    return [of_state(run, state, words) for state in given]


def teacher_of(run: EvaluationRun, words: TextEncoder) -> Subject | None:
    """Return the teacher along its whole flow, when the run has one."""
    if run.teacher is None or run.autoencoder is None:
        return None
    given = ComparedState(
        name=f"teacher, {step_name(run.teacher_steps)}", state=run.teacher,
        steps=run.teacher_steps, guidance=run.teacher_guidance,
    )  # fmt: skip
    return of_state(run, given, words)


def of_state(run: ScoredRun, given: ComparedState, words: TextEncoder) -> Subject:
    """Return a state of any stage of the transformer, its takes kept in the cache.

    Args:
        run: Names the state that decodes, and the transformer's sizes.
        given: The state, and how it samples.
        words: The text encoder.

    Returns:
        The subject.

    Raises:
        TrainingError: There is no autoencoder to decode with.
    """
    if run.autoencoder is None:
        raise TrainingError(
            f"{given.name} needs the autoencoder's state to be heard: give `autoencoder` as well"
        )
    networks = StateNetworks(load_backbone(given.state, run.model), load_decoder(run.autoencoder))
    files = [file_stamp(path) for path in (given.state, run.autoencoder)]
    if given.guidance is None:
        channels = networks.backbone.config.latent_channels
        manifest = Manifest(given.name, "as given", "as given", "fp32", channels)
        student = LatentGenerator(manifest, words, networks)
        known = fingerprint(files, code_stamp())
        return Subject(given.name, student, given.steps, f"student-{known}")
    law = OdeLaw(given.steps, given.guidance)
    flow = OdeGenerator(networks, words, law, bfloat16=run.bfloat16)
    known = fingerprint(files, law, run.bfloat16, code_stamp())
    return Subject(given.name, flow, kept_as=f"teacher-{known}")


def file_stamp(path: Path) -> tuple[int, int]:
    """Return what tells a file from an earlier one of the same name: its size and its time."""
    return path.stat().st_size, path.stat().st_mtime_ns


def code_stamp() -> str:
    """Return what tells the code between weights and sound from an earlier one."""
    folder = Path(generator.__file__).parent
    return fingerprint(*((folder / f"{name}.py").read_text("utf-8") for name in SOUND_MAKERS))
