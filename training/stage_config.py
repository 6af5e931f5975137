"""Run configurations of the transformer stages: the teacher and the three that make it one-step.

Knows no torch; `training/config.py` reads them.
"""

from pathlib import Path
from typing import Literal

from training.config import (
    BackboneSizes,
    Count,
    Fraction,
    Natural,
    Positive,
    Rate,
    Run,
    Strict,
    Weight,
)


class WatchSettings(Strict):
    """Takes of fixed prompts now and then, and the alarm when a student's become alike.

    ``every`` is in steps, 0 for never; sounds need the autoencoder's state in the run folder.
    """

    every: int = 500
    prompts: Count = 8
    takes: Count = 4
    sounds: int = 4
    seed: int = 0
    teacher_steps: Count = 25
    teacher_guidance: Weight = 2.0
    alarm_below: Fraction = 0.8


class GeneratorRun(Run):
    """What all stages of the transformer share."""

    model: BackboneSizes = BackboneSizes()
    watch: WatchSettings = WatchSettings()


class TeacherRun(GeneratorRun):
    """`python -m training teacher`."""

    tokens: Count = 1024
    drop_text: Fraction = 0.1
    inpaint: Fraction = 0.15
    share_at_noise: Fraction = 0.1


class EndPointSettings(Strict):
    """The ends of the teacher's flow as a lesson (`training/ends.py`).

    ``seen`` weighs how far ends are apart in the teacher's eyes, ``heard`` how far to the ear (that
    needs the autoencoder's state in the run folder), ``spread`` how much less or more than they
    should channels vary. A batch of flows is learnt from ``refresh_every`` times on
    average, over ``pool`` times as many steps.
    """

    seen: Weight = 0.0
    heard: Weight = 0.0
    spread: Weight = 0.0
    guidance: Weight = 2.0
    solver: Literal["euler", "heun", "dpm"] = "dpm"
    solver_steps: Count = 15
    refresh_every: Count = 4
    pool: Count = 48
    share_at_noise: Fraction = 0.5


class StudentRun(GeneratorRun):
    """What the one-step stages share; ``start`` is the state to begin from, else the teacher.

    ``start_teacher`` is the state of that student's own teacher, where it was an earlier one: the
    start is then moved by what the teacher has learnt since.
    """

    teacher: Path
    start: Path | None = None
    start_teacher: Path | None = None
    ends: EndPointSettings = EndPointSettings()
    tokens: Count = 1024
    average_decay: Fraction = 0.998


class WarmUpRun(StudentRun):
    """`python -m training warmup`."""

    rate: Rate = 3e-4
    imagined: Fraction = 0.5
    drop_text: Fraction = 0.05
    inpaint: Fraction = 0.1


class ArcWeights(Strict):
    """Weights of the critic's terms; ``penalty`` is the gradient penalty, R1 and R2."""

    contrastive: Weight = 1.0
    penalty: Weight = 0.0
    centring: Weight = 1e-3


class ArcRun(StudentRun):
    """`python -m training arc`; ``hold`` weighs the lesson of the warm-up beside the critic's."""

    hold: Weight = 0.0
    weights: ArcWeights = ArcWeights()
    rate: Rate = 5e-5
    critic_rate: Rate = 1e-4
    critic_depth: Rate = 0.75
    head_width: Count = 64
    head_strides: tuple[Count, ...] = (1, 2)
    head_blocks: Count = 1
    drop_text: Fraction = 0.0
    inpaint: Fraction = 0.1
    share_at_noise: Fraction = 0.5
    time_shift: float = 0.0
    penalty_noise: Weight = 0.05
    penalty_of_made: bool = True


class VsdRun(StudentRun):
    """`python -m training vsd`; the tracker is SwiftAudio's fake score.

    Guidance on the teacher alone ("one-sided") is quick to lose modes; on both, it is milder. For
    ``tracker_ahead`` steps the tracker learns alone: until it knows the student, what parts it from
    the teacher says nothing. ``hold`` weighs the lesson of the warm-up beside the scores'.
    """

    hold: Weight = 0.0
    rate: Rate = 5e-5
    weight: Literal["dmd", "swiftaudio"] = "dmd"
    tracker: Literal["copy", "lora"] = "copy"
    tracker_rate: Rate = 2e-4
    tracker_updates: Count = 1
    tracker_ahead: Natural = 0
    lora_rank: Count = 64
    lora_alpha: Positive = 128.0
    teacher_guidance: Weight = 1.5
    tracker_guidance: Weight = 1.5
    imagined: Fraction = 0.5
    drop_text: Fraction = 0.1
    lowest_t: Fraction = 0.02
    highest_t: Fraction = 0.98
    time_shift: float = 0.0
    variation: Weight = 0.01
    variation_hinge: bool = True


class OwnSoundsRun(Run):
    """`python -m training own`: a checkpoint that has learnt a user's own sounds.

    ``folder`` holds audio with captions (see `training.corpus.recorded.read_folder`). The tuned
    ``checkpoint`` goes to ``made``.
    ``keep`` weighs how much takes of other prompts should stay what they were. Small batches, many
    steps: what moves takes nearest to a few clips in a minute of a processor.
    """

    folder: Path
    checkpoint: Path
    made: Path
    name: str = "own-sounds"
    form: Literal["int8", "fp32"] = "int8"
    longest_s: Positive = 12.0
    learn: Literal["lora", "full"] = "full"
    lora_rank: Count = 32
    lora_alpha: Positive = 64.0
    steps: Count = 1500
    tokens: Count = 96
    rate: Rate = 6e-4
    warm_up: Count = 20
    average_decay: Fraction = 0.98
    bfloat16: bool = False
    candidates: Count = 2
    share_at_noise: Fraction = 1.0
    keep: Weight = 1.0
    imagined: Count = 400
    score: bool = True
