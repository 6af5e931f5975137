"""The sound of the effects, by pyo, against what the textbook or another library says."""

import itertools
import time
from collections.abc import Iterator

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.arguments import Value
from daw_bridge.effect_unit import BLOCK, FADE_FRAMES
from daw_bridge.effects import BUSES, DEFAULTS, EFFECTS, NOTE_VALUES, PLACES, audio_number
from generator.api import SAMPLE_RATE_HZ, FloatArray
from tests.daw_bridge.rack_rig import new_rack, play, put

SECOND = SAMPLE_RATE_HZ // 256 * 256
# Effects come in over 20 ms.
SETTLED = 1024
ALL_IN: dict[str, Value] = {f"{effect.name}/bypass": False for effect in EFFECTS}


def silence(frames: int = SECOND) -> FloatArray:
    return np.zeros((frames, 2), np.float32)


def impulse(frames: int = SECOND, *, at: int = SETTLED) -> FloatArray:
    sound = silence(frames)
    sound[at] = (1.0, 0.5)
    return sound


def noise(seed: int = 0, frames: int = SECOND, scale: float = 0.1) -> FloatArray:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((frames, 2)) * scale).astype(np.float32)


def sine(frequency_hz: float, peak: float, frames: int = SECOND) -> FloatArray:
    wave = peak * np.sin(2 * np.pi * frequency_hz * np.arange(frames) / SAMPLE_RATE_HZ)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def textbook(kind: str, frequency_hz: float, q: float) -> tuple[list[float], list[float]]:
    """The filters of R. Bristow-Johnson's "Audio EQ Cookbook"."""
    turn = 2 * np.pi * frequency_hz / SAMPLE_RATE_HZ
    alpha, cosine = np.sin(turn) / (2 * q), np.cos(turn)
    above = {
        "low": [(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2],
        "band": [alpha, 0.0, -alpha],
        "high": [(1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2],
    }
    return above[kind], [1 + alpha, -2 * cosine, 1 - alpha]


@pytest.mark.parametrize("kind", ["low", "band", "high"])
@given(frequency_hz=st.floats(60, 16_000), q=st.floats(0.5, 12))
@settings(max_examples=8)
def test_the_filter_is_the_textbooks(kind: str, frequency_hz: float, q: float) -> None:
    rack = new_rack()
    put(rack, {"filter/bypass": False, "filter/type": kind})
    put(rack, {"filter/frequency": frequency_hz, "filter/resonance": q})
    heard = play(rack, impulse())[SETTLED:, 0]
    frequencies_hz = np.geomspace(30, 20_000, 60)
    _, seen = scipy.signal.freqz(heard, worN=frequencies_hz, fs=SAMPLE_RATE_HZ)
    _, wanted = scipy.signal.freqz(
        *textbook(kind, frequency_hz, q), worN=frequencies_hz, fs=SAMPLE_RATE_HZ
    )
    audible = np.abs(wanted) > 1e-3
    error_db = 20 * np.log10(np.abs(seen[audible]) / np.abs(wanted[audible]))
    assert np.abs(error_db).max() < 0.2


@given(
    note_value=st.sampled_from(sorted(NOTE_VALUES)),
    tempo_bpm=st.sampled_from([20.0, 87.3, 120.0, 174.07, 999.0]),
)
@settings(max_examples=12)
def test_repeats_fall_on_the_note_value_to_the_frame(note_value: str, tempo_bpm: float) -> None:
    rack = new_rack()
    values: dict[str, Value] = {
        "delay/bypass": False,
        "delay/time": note_value,
        "delay/feedback": 0.5,
        "delay/tone": 20_000.0,
    }
    put(rack, values, tempo_bpm=tempo_bpm)
    frames = round(NOTE_VALUES[note_value] * 4 * 60 / tempo_bpm * SAMPLE_RATE_HZ)
    length = (SETTLED + 3 * frames + 1024) // 256 * 256
    heard = play(rack, silence(length), {"delay": impulse(length)})[SETTLED:]
    begin = scipy.signal.lfilter(*one_pole(20_000.0), [1.0, 0.0, 0.0, 0.0])
    spaced = min(frames, 4)
    for repeat in (1, 2, 3):
        there = heard[repeat * frames : repeat * frames + spaced, 0]
        assert there == pytest.approx(0.5 ** (repeat - 1) * begin[:spaced], abs=1e-6)
    assert not heard[:frames].any()
    np.testing.assert_allclose(heard[:, 1], 0.5 * heard[:, 0], atol=1e-7)


def one_pole(frequency_hz: float) -> tuple[list[float], list[float]]:
    pole = float(np.exp(-2 * np.pi * frequency_hz / SAMPLE_RATE_HZ))
    return [1 - pole], [1, -pole]


@pytest.mark.parametrize("time_s", [0.5, 2.0, 6.0])
def test_the_reverb_dies_away_in_its_time(time_s: float) -> None:
    rack = new_rack()
    put(rack, {"reverb/bypass": False, "reverb/time": time_s, "reverb/tone": 20_000.0})
    frames = int(SAMPLE_RATE_HZ * (1.2 * time_s + 0.5)) // 256 * 256
    sent = silence(frames)
    sent[SETTLED : SETTLED + 4410] = noise(frames=4410)
    heard = play(rack, silence(frames), {"reverb": sent})[SETTLED + 4410 :]
    # Schroeder's backward integration, and the time to -60 dB from the way from -5 to -35 dB.
    left = np.cumsum((heard.astype(np.float64) ** 2).sum(axis=1)[::-1])[::-1]
    level_db = 10 * np.log10(left / left[0] + 1e-12)
    seen_s = 2 * (np.argmax(level_db < -35) - np.argmax(level_db < -5)) / SAMPLE_RATE_HZ
    assert seen_s == pytest.approx(time_s, rel=0.15)
    loudest = heard.std(axis=0)
    assert loudest[0] == pytest.approx(loudest[1], rel=0.3)


def test_the_reverb_is_about_as_loud_as_what_is_sent() -> None:
    rack = new_rack()
    put(rack, {"reverb/bypass": False})
    mono = np.repeat(noise(frames=4 * SECOND)[:, :1], 2, axis=1)
    heard = play(rack, silence(4 * SECOND), {"reverb": mono})[2 * SECOND :]
    assert 20 * np.log10(heard.std() / mono.std()) == pytest.approx(0.0, abs=3.0)


@given(
    threshold_db=st.floats(-40, -6),
    ratio=st.floats(1, 20),
    over_db=st.floats(-10, 20),
    makeup_db=st.floats(0, 12),
)
@settings(max_examples=10)
def test_the_compressor_turns_down_by_its_ratio(
    threshold_db: float, ratio: float, over_db: float, makeup_db: float
) -> None:
    rack = new_rack()
    asked = {"threshold": threshold_db, "ratio": ratio, "attack": 5.0, "makeup": makeup_db}
    put(rack, {"compressor/bypass": False, **{f"compressor/{k}": v for k, v in asked.items()}})
    # A square wave has one level only, so that the law is exact.
    level_db = threshold_db + over_db
    square = np.sign(sine(441.0, 1.0) + 1e-9) * np.float32(10 ** (level_db / 20))
    square[:, 1] *= 0.25
    heard = play(rack, square.astype(np.float32))[SECOND // 2 :]
    wanted_db = min(level_db, threshold_db + over_db / ratio) + makeup_db
    assert 20 * np.log10(np.abs(heard[:, 0]).mean()) == pytest.approx(wanted_db, abs=0.05)
    # Both channels get one gain, so the stereo picture stands.
    np.testing.assert_allclose(heard[:, 1], 0.25 * heard[:, 0], rtol=1e-5)


def test_the_compressor_takes_its_time() -> None:
    rack = new_rack()
    times = {"compressor/attack": 50.0, "compressor/release": 400.0}
    put(rack, {"compressor/bypass": False, "compressor/threshold": -20.0, **times})
    steady = np.full((2 * SECOND, 2), 0.05, np.float32)
    steady[SECOND // 2 : SECOND] = 0.5
    gain = (play(rack, steady) / steady)[:, 0]
    onset, end = SECOND // 2, SECOND
    settled = gain[end - 1]
    assert settled < 0.5
    assert gain[onset] == pytest.approx(1.0, abs=0.05)
    # Over the threshold quickly, then most of the way within the attack, all of it within two.
    assert gain[onset + 50 * 44] == pytest.approx(settled, rel=0.05)
    assert gain[end + 20 * 44] < 0.7
    assert gain[end + 400 * 44] == pytest.approx(1.0, abs=0.02)


@given(amount_db=st.floats(0, 40), level_db=st.floats(-40, 12))
@settings(max_examples=5)
def test_the_drive_is_a_hyperbolic_tangent(amount_db: float, level_db: float) -> None:
    rack = new_rack()
    asked = {"drive/amount": amount_db, "drive/level": level_db, "drive/tone": 20_000.0}
    put(rack, {"drive/bypass": False, **asked})
    dry = noise(1, scale=0.3)
    bent = np.tanh(dry.astype(np.float64) * 10 ** (amount_db / 20)) * 10 ** (level_db / 20)
    wanted = scipy.signal.lfilter(*one_pole(20_000.0), bent, axis=0)
    np.testing.assert_allclose(play(rack, dry)[SETTLED:], wanted[SETTLED:], atol=2e-6)


def test_the_chorus_goes_up_and_down_at_its_rate() -> None:
    rack = new_rack()
    asked = {"chorus/rate": 2.0, "chorus/depth": 5.0}
    put(rack, {"chorus/bypass": False, **asked})
    heard = play(rack, silence(4 * SECOND), {"chorus": sine(1000.0, 0.3, 4 * SECOND)})
    for channel in (0, 1):
        phase = np.unwrap(np.angle(scipy.signal.hilbert(heard[4096:, channel])))
        pitch_hz = np.diff(phase)[4410:-4410] * SAMPLE_RATE_HZ / (2 * np.pi)
        pitch_hz = np.convolve(pitch_hz, np.full(100, 0.01), "valid")
        # Delay d(t) = c + 5 ms sin(2π 2 t) bends the pitch by 1000 Hz × 2π 2 × 5 ms at most.
        bend_hz = 1000.0 * 2 * np.pi * 2.0 * 0.005
        assert pitch_hz.max() == pytest.approx(1000.0 + bend_hz, abs=1.0)
        assert pitch_hz.min() == pytest.approx(1000.0 - bend_hz, abs=1.0)
        turns = np.flatnonzero(np.diff(np.sign(pitch_hz - 1000.0)) > 0)
        assert np.diff(turns).mean() / SAMPLE_RATE_HZ == pytest.approx(0.5, rel=0.02)


def test_what_is_out_changes_no_bit_and_is_not_run() -> None:
    rack = new_rack()
    put(rack, {"filter/frequency": 200.0, "delay/time": "1/4"})
    dry = noise()
    assert (play(rack, dry, {"delay": dry}) == dry).all()
    assert [unit.runs for unit in rack.units] == [0] * len(EFFECTS)


@pytest.mark.parametrize("effect", [effect.name for effect in EFFECTS])
def test_an_effect_is_run_while_it_is_in_and_no_longer(effect: str) -> None:
    rack = new_rack()
    unit = rack.units[[one.name for one in EFFECTS].index(effect)]
    put(rack, {f"{effect}/bypass": False})
    play(rack, noise())
    assert unit.runs == SECOND // 64
    put(rack, {f"{effect}/bypass": True}, frame=SECOND)
    play(rack, noise(), frame=SECOND)
    fade_blocks = unit.runs - SECOND // 64
    assert fade_blocks == -(-(SAMPLE_RATE_HZ // 50) // 64)
    assert rack.is_idle
    dry = noise(2)
    assert (play(rack, dry, frame=2 * SECOND) == dry).all()


def test_nothing_old_sounds_when_a_bus_comes_in_again() -> None:
    rack = new_rack()
    buses: dict[str, Value] = {f"{bus}/bypass": False for bus in BUSES}
    put(rack, {**buses, "delay/feedback": 0.9, "reverb/time": 20.0})
    play(rack, silence(), {bus: noise() for bus in BUSES})
    put(rack, dict.fromkeys(buses, True), frame=SECOND)
    play(rack, silence(), frame=SECOND)
    assert rack.is_idle
    put(rack, buses, frame=2 * SECOND)
    assert np.abs(play(rack, silence(4 * SECOND), frame=2 * SECOND)).max() < 1e-12


def test_panic_silences_every_effect_within_50_ms() -> None:
    rack = new_rack()
    put(rack, {**ALL_IN, "delay/feedback": 0.95, "reverb/time": 20.0, "filter/resonance": 20.0})
    play(rack, noise(), {bus: noise() for bus in BUSES})
    rack.panic(SECOND)
    after = play(rack, silence(), frame=SECOND)
    assert np.abs(after[:441]).max() > 1e-3
    assert np.abs(after[SAMPLE_RATE_HZ // 20 :]).max() < 1e-12
    # They are in again, and work.
    again = play(rack, noise(), {"reverb": noise()}, frame=2 * SECOND)
    assert np.abs(again - noise())[SECOND // 2 :].max() > 1e-3


def test_bypass_at_a_thousand_random_moments_never_clicks() -> None:
    generator = np.random.default_rng(11)
    values: dict[str, Value] = {
        "filter/frequency": 300.0,
        "drive/amount": 6.0,
        "compressor/threshold": -30.0,
        "delay/tone": 800.0,
        "reverb/tone": 800.0,
    }
    rack = new_rack()
    put(rack, values)
    frames = 60 * SECOND
    dry = sine(110.0, 0.2, frames)
    sent = dict.fromkeys(BUSES, dry)
    moments = np.sort(generator.integers(0, frames, 1000))
    is_out = {effect.name: True for effect in EFFECTS}
    for moment in moments:
        name = EFFECTS[generator.integers(len(EFFECTS))].name
        is_out[name] = not is_out[name]
        put(rack, {f"{name}/bypass": is_out[name]}, frame=int(moment))
    heard = play(rack, dry, sent)
    assert steps_in(heard) <= 1.1 * max(own_steps(values, dry[: 2 * SECOND]))


def own_steps(values: dict[str, Value], dry: FloatArray) -> Iterator[float]:
    """The largest steps of the material with all buses in, for every choice of the rest."""
    rest = [effect.name for effect in EFFECTS if not effect.is_bus]
    for choice in itertools.product([True, False], repeat=len(rest)):
        rack = new_rack()
        out = {f"{name}/bypass": out for name, out in zip(rest, choice, strict=True)}
        put(rack, {**values, **ALL_IN, **out})
        yield steps_in(play(rack, dry, dict.fromkeys(BUSES, dry)))


def steps_in(sound: FloatArray) -> float:
    """The largest step from one frame to the next."""
    return float(np.abs(np.diff(sound.astype(np.float64), axis=0)).max())


_MOVED: dict[str, tuple[Value, Value]] = {
    "filter/frequency": (200.0, 2_000.0),
    "filter/type": ("low", "high"),
    "filter/resonance": (0.5, 10.0),
    "drive/amount": (0.0, 30.0),
    "drive/tone": (500.0, 20_000.0),
    "drive/level": (-20.0, 0.0),
    "compressor/threshold": (-40.0, 0.0),
    "compressor/ratio": (1.0, 20.0),
    "compressor/makeup": (0.0, 12.0),
    "delay/time": ("1/8", "1/4"),
    "delay/feedback": (0.0, 0.9),
    "delay/tone": (500.0, 20_000.0),
    "delay/level": (-40.0, 0.0),
    "reverb/time": (0.5, 4.0),
    "reverb/tone": (500.0, 20_000.0),
    "reverb/level": (-40.0, 0.0),
    "chorus/depth": (0.5, 8.0),
    "chorus/level": (-40.0, 0.0),
}


@pytest.mark.parametrize("key", sorted(_MOVED))
def test_a_value_that_jumps_makes_no_zipper_noise(key: str) -> None:
    """Jumping to and fro adds next to nothing far above the material, unlike steps would."""
    effect, low, high = key.partition("/")[0], *_MOVED[key]
    dry = sine(100.0, 0.2, 4 * SECOND)

    def noise_above(values: list[Value]) -> float:
        rack = new_rack()
        put(rack, {f"{effect}/bypass": False, key: values[0]})
        for number, value in enumerate(values):
            put(rack, {key: value}, frame=SECOND + number * SECOND // 8)
        sent = {effect: dry} if effect in BUSES else {}
        mix = silence(4 * SECOND) if effect in BUSES else dry
        heard = play(rack, mix, sent)
        high_pass = scipy.signal.butter(8, 8_000, "high", fs=SAMPLE_RATE_HZ, output="sos")
        # The beginning is left out after filtering: cut before, it would be a step itself.
        return float(np.abs(scipy.signal.sosfilt(high_pass, heard, axis=0))[SECOND:].max())

    jumping = noise_above([low, high] * 8)
    still = max(noise_above([low]), noise_above([high]))
    # A step of a tenth of this sine would leave about 0.01 up there.
    assert jumping <= 1.5 * still + 1e-3


@given(cuts=st.lists(st.integers(1, 1024), min_size=1, max_size=40))
@settings(max_examples=10)
def test_blocks_of_any_length_give_the_same_sound_one_block_late(cuts: list[int]) -> None:
    values: dict[str, Value] = {**ALL_IN, "reverb/bypass": True}  # its room wanders at random
    dry = noise(frames=SECOND)
    sent = {"delay": dry, "chorus": dry}
    whole = new_rack()
    put(whole, values)
    wanted = play(whole, dry, sent)
    cut = new_rack()
    put(cut, values)
    heard = np.array(dry)
    begin, odd_at = 0, len(dry)
    for length in itertools.cycle(cuts):
        end = min(begin + length, len(dry))
        pieces = {name: sound[begin:end] for name, sound in sent.items()}
        heard[begin:end] = play(cut, dry[begin:end], pieces, block=1024, frame=begin)
        if (end - begin) % BLOCK:
            odd_at = min(odd_at, begin)
        begin = end
        if begin == len(dry):
            break
    np.testing.assert_allclose(heard[:odd_at], wanted[:odd_at], atol=1e-6)
    late = heard[odd_at + FADE_FRAMES + BLOCK :]
    begin = len(wanted) - len(late) - BLOCK
    np.testing.assert_allclose(late, wanted[begin : begin + len(late)], atol=1e-6)


def test_silence_costs_no_more_than_sound() -> None:
    """Numbers too small to be normal make a processor ten times slower; ours never meets them."""
    rack = new_rack()
    put(rack, {**ALL_IN, "delay/feedback": 0.9})

    def best_s(frame: int) -> float:
        times = []
        for number in range(60):
            block = silence(256)
            begun_s = time.perf_counter()
            rack.process(block, frame + number * 256)
            times.append(time.perf_counter() - begun_s)
        return min(times)

    play(rack, noise(), {bus: noise() for bus in BUSES})
    sounding_s = best_s(SECOND)
    play(rack, silence(30 * SECOND), frame=2 * SECOND)
    assert best_s(40 * SECOND) < 2 * sounding_s


def test_every_parameter_of_the_table_is_heard() -> None:
    """No parameter is there for show: each changes the sound of its effect."""
    others: dict[str, Value] = {
        key: low if high == DEFAULTS[key] else high for key, (low, high) in _MOVED.items()
    }
    others |= {"chorus/rate": 5.0, "compressor/attack": 100.0, "compressor/release": 20.0}
    dry = noise(scale=0.3) * np.sin(np.arange(SECOND) / 3000)[:, None].astype(np.float32)
    for effect in EFFECTS:
        sent = {effect.name: dry} if effect.is_bus else {}
        for parameter in effect.parameters[1:]:
            key = f"{effect.name}/{parameter.name}"
            sounds = []
            for value in (DEFAULTS[key], others[key]):
                rack = new_rack()
                quick: dict[str, Value] = {"delay/time": "1/32"} if key != "delay/time" else {}
                put(rack, {f"{effect.name}/bypass": False, **quick, key: value})
                sounds.append(play(rack, silence() if sent else dry, sent))
            assert np.abs(sounds[0] - sounds[1]).max() > 1e-4, key


def test_every_place_of_the_table_is_taken_and_no_other() -> None:
    rack = new_rack()
    for key, (effect, place) in PLACES.items():
        assert rack.set(effect, place, audio_number(key, DEFAULTS[key], 120.0), 0)
    assert not rack.set(len(EFFECTS), 0, 0.0, 0)
    assert not rack.set(0, 99, 0.0, 0)
    assert not rack.set(-1, 0, 0.0, 0)
