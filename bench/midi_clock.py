"""MIDI clock from another program, with jitter: how near our tempo is, and our beats as heard.

The other program (tests/tools/midi_clock.c) leads over JACK and writes down when it meant each
pulse. Slot 1 is asked to play at every next beat; JACK is recorded, and each onset is held against
the beat that was meant. The stand-in model makes the click, as its first frame is known.
"""

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.daemon import RunningDaemon, running_daemon
from bench.osc_client import OscClient
from bench.row import Row
from generator.api import SAMPLE_RATE_HZ, GenerationRequest
from generator.loading import TONE, load_generator
from tests.jack import (
    JackServer,
    RigError,
    compiled,
    running_jack,
)
from tests.jack_sound import Recorder, Recording
from tests.stalls import StallMonitor, Stalls, Times

PORTS = ("daw-bridge:out_0", "daw-bridge:out_1")
OWN_INPUT = "daw-bridge-midi:in"
TEMPOS_BPM = (120.0, 87.3, 174.07)
JITTER_MS = 2.0
BEATS = 28
LEARNING_BEATS = 8
CLICK_S = 0.1
ASK_AFTER_S = 0.05
SILENCE = 1e-3
QUIET_FRAMES = SAMPLE_RATE_HZ // 20
MAX_TEMPO_ERROR_BPM = 0.1
MAX_BEAT_ERROR_MS = 3.0


@dataclass(frozen=True, slots=True)
class Followed:
    """How one clock was followed.

    Attributes:
        tempo_errors_bpm: At each beat after two bars.
        beat_errors_ms: Of each onset after two bars; late is above zero.
        quiet_errors_ms: Of those that no stall of the machine touched.
        beats: How many beats there were after two bars.
        xruns: What JACK counted meanwhile.
    """

    tempo_errors_bpm: list[float]
    beat_errors_ms: list[float]
    quiet_errors_ms: list[float]
    beats: int
    xruns: int


def measure() -> list[Row]:
    """Return the rows of this file: tempo, beats."""
    with running_jack() as jack:
        environment = {**jack.environment, "DAW_BRIDGE_HOSTAPI": "JACK"}
        with running_daemon("default", TONE, environment) as daemon:
            jack.await_ports(*PORTS, OWN_INPUT)
            heard = [_follow(jack, daemon, tempo_bpm) for tempo_bpm in TEMPOS_BPM]
    return [_tempo_row(heard), _beat_row(heard)]


def _follow(jack: JackServer, daemon: RunningDaemon, tempo_bpm: float) -> Followed:
    beat_s = 60.0 / tempo_bpm
    with OscClient(daemon.osc_port) as client, tempfile.TemporaryDirectory() as folder:
        client.send("/gen/slot/1/duration", ("f", CLICK_S))
        client.send("/gen/slot/1/generate", ("s", "click"), ("i", 5))
        client.wait_for("/done", 5.0, "/gen/slot/1/generate")
        client.send("/gen/quantize", ("s", "beat"))
        client.send("/gen/tempo/source", ("s", "midi"))
        client.send("/gen/beat", ("i", 1))
        meant = Path(folder) / "meant"
        numbers = (tempo_bpm, JITTER_MS, 24 * BEATS, 11)
        tool = [str(compiled("midi_clock", "-ljack")), "seq", *map(str, numbers)]
        with (
            StallMonitor() as monitor,
            Recorder(jack, PORTS, seconds=BEATS * beat_s + 1.5) as recorder,
        ):
            with subprocess.Popen(
                [*tool, OWN_INPUT, str(meant)], env=jack.environment, stdout=subprocess.DEVNULL
            ) as program:
                tempos_bpm = _play_each_beat(client, (BEATS - 1) * beat_s)
                if program.wait(30.0):
                    raise RigError(f"midi_clock ended with status {program.returncode}")
            recording = recorder.finish()
            stalls = monitor.finish()
        client.send("/gen/beat", ("i", 0))
        beats_s = np.fromfile(meant)[::24][LEARNING_BEATS:]
    errors_bpm = [one - tempo_bpm for one in tempos_bpm[LEARNING_BEATS:]]
    every_ms, quiet_ms = _errors_ms(recording, beats_s, stalls)
    return Followed(errors_bpm, every_ms, quiet_ms, len(beats_s), recording.xruns)


def _play_each_beat(client: OscClient, seconds: float) -> list[float]:
    """Ask for a play after each beat, for the next one; the tempos that were told with them."""
    tempos_bpm: list[float] = []
    for message in client.messages(seconds):
        if message.address == "/gen/beat":
            tempos_bpm.append(float(str(message.arguments[2][1])))
            time.sleep(ASK_AFTER_S)
            client.send("/gen/slot/1/play")
    return tempos_bpm


def _errors_ms(
    recording: Recording, beats_s: Times, stalls: Stalls
) -> tuple[list[float], list[float]]:
    """How late each onset is against the beat next to it: of all, and of those outside stalls."""
    loud = np.flatnonzero(np.abs(recording.audio).max(axis=1) > SILENCE)
    onsets = loud[np.diff(loud, prepend=-SAMPLE_RATE_HZ) > QUIET_FRAMES]
    onsets_s = recording.times_of(onsets) - _lead_in_frames() / SAMPLE_RATE_HZ
    nearest_s = beats_s[np.abs(onsets_s[:, None] - beats_s[None, :]).argmin(axis=1)]
    late_ms = 1000.0 * (onsets_s - nearest_s)
    is_meant = onsets_s > beats_s[0] - 0.1
    is_quiet = is_meant & np.isin(onsets_s, stalls.leave_out(onsets_s))
    return [float(ms) for ms in late_ms[is_meant]], [float(ms) for ms in late_ms[is_quiet]]


def _lead_in_frames() -> int:
    """How long the click is silent before it sounds."""
    generator = load_generator(TONE)
    clip = generator.generate(GenerationRequest("click", 5, CLICK_S))
    return int(np.flatnonzero(np.abs(clip.audio).max(axis=1) > SILENCE)[0])


def _tempo_row(heard: list[Followed]) -> Row:
    worst_bpm = max(abs(one) for each in heard for one in each.tempo_errors_bpm)
    return Row(
        f"MIDI clock with {JITTER_MS:g} ms of jitter from another program: tempo after two bars",
        f"≤ {MAX_TEMPO_ERROR_BPM:g} bpm off",
        f"at most {worst_bpm:.3f} bpm off, at {', '.join(f'{one:g}' for one in TEMPOS_BPM)} bpm",
        passed=worst_bpm <= MAX_TEMPO_ERROR_BPM,
    )


def _beat_row(heard: list[Followed]) -> Row:
    errors_ms = [abs(one) for each in heard for one in each.beat_errors_ms]
    quiet_ms = max((abs(one) for each in heard for one in each.quiet_errors_ms), default=np.inf)
    beats, xruns = sum(each.beats for each in heard), sum(each.xruns for each in heard)
    worst_ms = max(errors_ms, default=float("inf"))
    is_heard = len(errors_ms) >= beats - 2 * len(heard)
    return Row(
        "a slot played at each beat of that clock → recorded from JACK: the beat sounds",
        f"≤ {MAX_BEAT_ERROR_MS:g} ms off outside the machine's stalls",
        f"median {np.median(errors_ms):.2f} ms, worst {quiet_ms:.2f} ms; "
        f"worst of all {worst_ms:.2f} ms; {len(errors_ms)} onsets of {beats} beats; {xruns} xruns",
        passed=is_heard and bool(quiet_ms <= MAX_BEAT_ERROR_MS),
    )
