"""Takes without the daemon: requests in, WAV files out, with the same generator.

It does not know OSC, slots or time. Flow: __main__.py → here → generator.loading → sound_files.py
(which reads and writes files).
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daw_bridge.errors import DawBridgeError
from daw_bridge.loudness import wanted_rms_dbfs
from daw_bridge.sound_files import read_foreign_sound, write_wav
from generator.api import (
    MAX_SECONDS,
    MIN_CHANGE,
    SAMPLE_RATE_HZ,
    Base,
    FloatArray,
    GenerationRequest,
    hear,
    sound_identity,
    steps_to_play,
)
from generator.errors import RequestError
from generator.loading import load_generator

_DEFAULT_SEED = 0
_DEFAULT_STRENGTH = 0.5
_DEFAULT_STEPS = 1
_FIELDS = {"seconds": "seconds", "bpm": "tempo_bpm", "bars": "bars", "key": "key"}
_KEYS = ("prompt", "output", "seed", "init", "strength", "steps", *_FIELDS)


@dataclass(frozen=True, slots=True)
class OfflineJob:
    """A request, the file that it goes to, and the sound file that it begins from."""

    request: GenerationRequest
    output: Path
    init: Path | None = None


def one_job(given: Mapping[str, Any]) -> OfflineJob:
    """Read one request.

    Args:
        given: Values by the keys of a batch line; None stands for "not given".

    Returns:
        The job, checked; whole bars are a loop whose end runs on into its start, as loud as the
        daemon's loops.

    Raises:
        DawBridgeError: A key is unknown or missing, or a value is not allowed.
    """
    unknown = set(given) - set(_KEYS)
    if unknown:
        raise DawBridgeError(f"{sorted(unknown)} is unknown; the keys are {', '.join(_KEYS)}.")
    values = {name: value for name, value in given.items() if value is not None}
    missing = [name for name in ("prompt", "output") if name not in values]
    if missing:
        raise DawBridgeError(
            f"The {' and the '.join(missing)} is missing: say what to make and where to write it, "
            'such as: daw-bridge generate "deep 808 kick" -o kick.wav'
        )
    if isinstance(values["prompt"], str) and not values["prompt"].strip():
        raise DawBridgeError('The prompt is empty: name the sound, such as "deep 808 kick".')
    output = values["output"]
    if not isinstance(output, str | Path) or "\0" in str(output):
        raise DawBridgeError(f"The output is {output!r}; give the name of a WAV file.")
    if "bars" in values and "bpm" not in values:
        raise DawBridgeError("Bars have no length without a tempo: give bpm too, such as 120.")
    fields = {field: values[name] for name, field in _FIELDS.items() if name in values}
    init, loop = _init_of(values), "bars" in values
    try:
        base = None if init is None else _base(init, values.get("strength", _DEFAULT_STRENGTH))
        seed = values.get("seed", _DEFAULT_SEED)
        steps = values.get("steps", _DEFAULT_STEPS)
        request = GenerationRequest(
            values["prompt"], seed, steps=steps, loop=loop, base=base, **fields
        )
        request = replace(
            request,
            steps=steps_to_play(steps, loop=loop),
            rms_dbfs=wanted_rms_dbfs(loop=loop),
        )
    except RequestError as error:
        raise DawBridgeError(str(error)) from error
    return OfflineJob(request, Path(output), init)


def _init_of(values: Mapping[str, Any]) -> Path | None:
    if "init" not in values and "strength" in values:
        raise DawBridgeError("A strength says how much stays of a sound: give init too, a file.")
    init = values.get("init")
    if init is not None and (not isinstance(init, str | Path) or "\0" in str(init)):
        raise DawBridgeError(f"The init is {init!r}; give the name of a sound file.")
    return None if init is None else Path(init).expanduser()


def _base(init: Path, strength: object) -> Base:
    if isinstance(strength, bool) or not isinstance(strength, int | float):
        raise RequestError(f"The strength is {strength!r}; give a number from 0 to 1.")
    if not 0.0 <= strength <= 1.0:
        raise RequestError(f"The strength is {strength:g}; it must be from 0 to 1.")
    return Base(sound_identity(_sound(init)), max(1.0 - strength, MIN_CHANGE))


def _sound(init: Path) -> FloatArray:
    return read_foreign_sound(init, round(MAX_SECONDS * SAMPLE_RATE_HZ))


def read_batch(path: Path) -> list[OfflineJob]:
    """Read a file with a request as JSON on each line.

    Args:
        path: The file; empty lines are passed over.

    Returns:
        All jobs, checked.

    Raises:
        DawBridgeError: The file cannot be read or is empty, or a line is not a request; the text
            names it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DawBridgeError(f"The batch {path} cannot be read: {error}") from error
    jobs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            if not isinstance(given, dict):
                raise DawBridgeError("it is no JSON object.")
            jobs.append(one_job(given))
        except (json.JSONDecodeError, DawBridgeError) as error:
            raise DawBridgeError(f"{path} line {number}: {error}") from error
    if not jobs:
        raise DawBridgeError(f"The batch {path} holds no request; write one as JSON on each line.")
    return jobs


def generate_files(
    jobs: Sequence[OfflineJob], model: str, *, threads: int, device: str
) -> Iterator[str]:
    """Make every take and write it.

    Args:
        jobs: What to make.
        model: Name or folder of the checkpoint.
        threads: Threads that compute a take.
        device: Where a model in torch computes.

    Yields:
        A line for the user after each file.

    Raises:
        DawBridgeError: A folder is missing or a file cannot be written.
    """
    for job in jobs:
        if not job.output.parent.is_dir():
            raise DawBridgeError(f"The folder {job.output.parent} does not exist; make it first.")
    generator = load_generator(model, threads=threads, device=device)
    for job in jobs:
        if job.init is not None:
            hear(generator, _sound(job.init))
        begun_s = time.perf_counter()
        clip = generator.generate(job.request)
        made_ms = 1000.0 * (time.perf_counter() - begun_s)
        write_wav(job.output, clip.audio)
        yield (
            f"{job.output}: {job.request.duration_s:.2f} s in {made_ms:.0f} ms, "
            f"seed {job.request.seed}, {generator.name}"
        )
