"""Strict run configurations of every stage, from one TOML file each.

An unknown key is refused with the nearest known one; defaults are written here, once. Knows no
torch.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from training.errors import TrainingError

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0.0)]
Rate = Annotated[float, Field(gt=0.0, le=1.0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Device = Literal["auto", "cpu", "cuda"]
NEVER = 10**9


class Strict(BaseModel):
    """Base of all sections: frozen, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(Strict):
    """What every stage has."""

    seed: int = 0
    run_dir: Path
    corpora: tuple[Path, ...] = ()
    shares: tuple[Weight, ...] = ()
    steps: Count = 1000
    batch: Count = 12
    rate: Rate = 5e-4
    warm_up: Count = 100
    clip_norm: Positive = 1.0
    average_decay: Fraction = 0.999
    bfloat16: bool = True
    compile: bool = False
    device: Device = "auto"
    threads: Count = 2
    save_every_minutes: Positive = 3.0


class AutoencoderSizes(Strict):
    """See `generator.autoencoder.AutoencoderConfig`."""

    latent_channels: Count = 96
    mel_bands: Count = 128
    side_mel_bands: Count = 48
    latent_width: Count = 384
    latent_blocks: Count = 2
    decoder_width: Count = 256
    decoder_blocks: Count = 6
    head_width: Count = 512


class AutoencoderWeights(Strict):
    """Weights of the loss terms of the same names."""

    mel: Weight = 1.0
    convergence: Weight = 0.3
    bands: Weight = 1.0
    magnitude: Weight = 0.5
    peaks: Weight = 1.0
    advance: Weight = 1.0
    vertical: Weight = 0.5
    attack: Weight = 0.3
    adversarial: Weight = 0.15
    features: Weight = 0.3


class AutoencoderRun(Run):
    """`python -m training autoencoder`; it begins with the weights of the state ``start``."""

    model: AutoencoderSizes = AutoencoderSizes()
    weights: AutoencoderWeights = AutoencoderWeights()
    start: Path | None = None
    crop_latents: Count = 8
    code_frames: Count = 24_000
    latent_noise: Weight = 0.25
    sound_from: int = Field(default=0, ge=0)
    adversarial_from: Count = NEVER
    discriminator_width: Count = 16
    discriminator_rate: Rate = 2e-4


Preset = Literal["S-cpu", "S-10", "S-25", "S-50", "L"]
PRESETS: Mapping[str, Mapping[str, int]] = {
    "S-cpu": {"width": 128, "blocks": 6, "heads": 4, "expansion": 3},
    "S-10": {"width": 256, "blocks": 8, "heads": 4, "expansion": 3},
    "S-25": {"width": 384, "blocks": 8, "heads": 6, "expansion": 4},
    "S-50": {"width": 512, "blocks": 10, "heads": 8, "expansion": 4},
    "L": {"width": 1024, "blocks": 16, "heads": 8, "expansion": 4},
}


class BackboneSizes(Strict):
    """See `generator.backbone.BackboneConfig`; a ``preset`` fills in what is not given."""

    preset: Preset | None = Field(default=None, exclude=True)
    width: Count = 256
    blocks: Count = 8
    heads: Count = 4
    expansion: Count = 3

    @model_validator(mode="before")
    @classmethod
    def fill_in(cls, given: object) -> object:
        """Put the preset's sizes under those that are given."""
        if not isinstance(given, dict):
            return given
        return dict(PRESETS.get(given.get("preset", ""), {})) | given


class LatentsRun(Run):
    """`python -m training latents`: writes ``run_dir/latents`` and ``run_dir/imagined``.

    ``loops`` is how much more often than others a clip with bars is drawn.
    """

    text_encoder: Path
    loops: Positive = 1.0
    imagined: Count = 45_000


class ScoredRun(Strict):
    """What generators are scored on: prompts come from the corpora's test clips.

    The text-audio score is trained on their validation clips and on all of ``score_corpora``, which
    no generator may have seen. ``autoencoder`` is the state that decodes; ``model`` has the sizes
    of every state. ``bfloat16`` is how a teacher's flow is followed, where that saves time.
    """

    run_dir: Path
    corpora: Annotated[tuple[Path, ...], Field(min_length=1)]
    score_corpora: tuple[Path, ...] = ()
    autoencoder: Path | None = None
    model: BackboneSizes = BackboneSizes()
    prompts: Annotated[int, Field(ge=2)] = 64
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (101, 102, 103, 104)
    score_steps: Count = 600
    claims: Count = 100
    bfloat16: bool = True
    threads: Count = 1


class EvaluationRun(ScoredRun):
    """`python -m training evaluate`.

    Teacher, autoencoder and student (what the checkpoint was exported from, measured in fp32) are
    states; without them their rows are absent.
    """

    teacher: Path | None = None
    student: Path | None = None
    steps: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    teacher_steps: Count = 50
    teacher_guidance: Weight = 2.0
    rebuilt: Count = 48
    shown: Count = 12


class ComparedState(Strict):
    """One row of a comparison: the state of any stage of the transformer, and how it samples.

    With ``guidance`` it follows its flow in that many ``steps``, as a teacher does; without, it is
    a student in that many ping-pong steps.
    """

    name: str
    state: Path
    steps: Count = 1
    guidance: Weight | None = None


class ComparisonRun(ScoredRun):
    """`python -m training compare`: writes the table of ``states`` into ``run_dir``."""

    autoencoder: Path
    text_encoder: Path
    states: Annotated[tuple[ComparedState, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def tell_apart(self) -> Self:
        """Refuse two states of one name.

        Returns:
            The run itself.

        Raises:
            ValueError: A name stands twice.
        """
        names = [given.name for given in self.states]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"states are told by their names, found twice: {sorted(twice)}")
        return self


class ReleaseRun(Strict):
    """`python -m training export`: what becomes a checkpoint, under which name, with which credits.

    ``student`` is the state of any stage with a backbone, ``autoencoder`` that of the autoencoder.
    """

    name: str
    folder: Path
    objective: str
    student: Path
    autoencoder: Path
    text_encoder: Path
    corpora: tuple[Path, ...]
    model: BackboneSizes = BackboneSizes()
    form: Literal["int8", "fp32", "bf16"] = "int8"
    threads: Count = 1


S = TypeVar("S", bound=Strict)


def read_config(path: Path, kind: type[S]) -> S:
    """Read a run configuration.

    Args:
        path: A TOML file.
        kind: The stage's configuration.

    Returns:
        The configuration, checked.

    Raises:
        TrainingError: The file is missing, no TOML, or has wrong or unknown keys; all are told.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TrainingError(
            f"no config at {path}: see training/configs for the ones that ship"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is no TOML: {error}") from error
    return checked_config(table, kind, str(path))


def checked_config(table: Mapping[str, object], kind: type[S], name: str) -> S:
    """Return a configuration from its table.

    Args:
        table: Keys and values.
        kind: The stage's configuration.
        name: What to call the table in a refusal.

    Returns:
        The configuration, checked.

    Raises:
        TrainingError: Keys are unknown or values wrong; all are told.
    """
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        faults = "; ".join(
            describe(fault["loc"], fault["msg"], fault["type"], kind) for fault in error.errors()
        )
        raise TrainingError(f"{name}: {faults}") from error


def describe(place: tuple[int | str, ...], message: str, fault: str, kind: type[Strict]) -> str:
    """Return one fault in words, with the nearest known key for an unknown one."""
    name = ".".join(str(part) for part in place)
    if fault != "extra_forbidden":
        return f"{name}: {message}"
    fields = kind.model_fields
    for part in place[:-1]:
        inner = fields[str(part)].annotation
        fields = (
            inner.model_fields if isinstance(inner, type) and issubclass(inner, Strict) else fields
        )
    near = difflib.get_close_matches(str(place[-1]), fields, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(fields))}"
    return f"{name}: unknown key, {hint}"
