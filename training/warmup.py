"""ODE warm-up: the student learns in one evaluation where the teacher's many steps end.

The lesson itself is `training/ends.py`. The student's average starts `training/arc.py` and
`training/vsd.py`.

References:
    The optional first phase of Novack et al. 2025, arXiv 2505.08175.
"""

from torch import Tensor

from generator.backbone import Backbone
from training.checkpoints import State
from training.ends import EndPoints
from training.loop import StepDraws
from training.place import HERE, Place
from training.stage_config import WarmUpRun
from training.student import Draw, Student


class WarmUpStage:
    """Trains a student on the ends of the teacher's flow (see `training.loop.Stage`)."""

    def __init__(
        self,
        run: WarmUpRun,
        draw: Draw,
        teacher: Backbone,
        start: Backbone | None = None,
        place: Place = HERE,
    ) -> None:
        """Copy the start.

        Args:
            run: Rates and the pool's settings.
            draw: Draws ``(rng, tokens)`` -> conditions, from captions or from a corpus.
            teacher: Frozen; its flow is the target.
            start: The student to begin from, the teacher by default.
            place: Where; the networks are there already.
        """
        self.ends = EndPoints(run, draw, teacher, place)
        self.student = Student(run, start or teacher)

    def step(self, step: int, draws: StepDraws) -> dict[str, Tensor]:
        """Do one update."""
        loss, terms = self.ends.loss(self.student.live, step, draws)
        return terms | {"gradient": self.student.update(loss, step)}

    @property
    def generator(self) -> Backbone:
        """The student's average weights, which are what is used."""
        return self.student.average

    def state(self) -> State:
        """Return the student's state and the pool."""
        return self.student.state() | {"pool": self.ends.pool.state()}

    def restore(self, state: State) -> None:
        """Take back what `state` returned."""
        self.student.restore(state)
        self.ends.pool.restore(state["pool"])  # type: ignore[arg-type]
