"""Strict run configurations of every stage, from one TOML file each.

An unknown key is refused with the nearest known one; defaults are written here, once. Knows no torch.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.errors import TrainingError

Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0.0)]
Rate = Annotated[float, Field(gt=0.0, le=1.0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
NEVER = 10**9


class Strict(BaseModel):
    """Base of all sections: frozen, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(Strict):
    """What every stage has."""

    seed: int = 0
    run_dir: Path
    corpus: tuple[Path, ...] = ()
    steps: Count = 1000
    batch: Count = 12
    rate: Rate = 5e-4
    warm_up: Count = 100
    clip_norm: Rate | Annotated[float, Field(gt=0.0)] = 1.0
    average_decay: Fraction = 0.999
    bfloat16: bool = True
    threads: Count = 2
    save_every_minutes: Annotated[float, Field(gt=0.0)] = 3.0


class AutoencoderSizes(Strict):
    """See `generator.autoencoder.AutoencoderConfig`."""

    latent_channels: Count = 64
    mel_bands: Count = 128
    side_mel_bands: Count = 48
    encoder_width: Count = 256
    encoder_blocks: Count = 4
    latent_width: Count = 384
    latent_blocks: Count = 2
    decoder_width: Count = 256
    decoder_blocks: Count = 6


class AutoencoderWeights(Strict):
    """Weights of the loss terms of the same names."""

    mel: Weight = 1.0
    convergence: Weight = 0.3
    magnitude: Weight = 0.5
    advance: Weight = 1.0
    vertical: Weight = 0.5
    attack: Weight = 0.3
    adversarial: Weight = 0.15
    features: Weight = 0.3


class AutoencoderRun(Run):
    """`python -m training autoencoder`."""

    model: AutoencoderSizes = AutoencoderSizes()
    weights: AutoencoderWeights = AutoencoderWeights()
    crop_latents: Count = 8
    latent_noise: Weight = 0.25
    freeze_encoder_from: Count = NEVER
    adversarial_from: Count = NEVER
    discriminator_width: Count = 16
    discriminator_rate: Rate = 2e-4


S = TypeVar("S", bound=Strict)


def read_config(path: Path, kind: type[S]) -> S:
    """Read a run configuration.

    Raises:
        TrainingError: The file is missing, is no TOML, or has a wrong or unknown key; all faults at once.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TrainingError(f"no config at {path}: see training/configs for the ones that ship") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} is no TOML: {error}") from error
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        faults = "; ".join(describe(fault["loc"], fault["msg"], fault["type"], kind) for fault in error.errors())
        raise TrainingError(f"{path}: {faults}") from error


def describe(place: tuple[int | str, ...], message: str, fault: str, kind: type[Strict]) -> str:
    """Return one fault in words, with the nearest known key for an unknown one."""
    name = ".".join(str(part) for part in place)
    if fault != "extra_forbidden":
        return f"{name}: {message}"
    fields = kind.model_fields
    for part in place[:-1]:
        inner = fields[str(part)].annotation
        fields = inner.model_fields if isinstance(inner, type) and issubclass(inner, Strict) else fields
    near = difflib.get_close_matches(str(place[-1]), fields, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(fields))}"
    return f"{name}: unknown key, {hint}"
