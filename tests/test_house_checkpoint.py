"""The model that ships: whole, small enough, credited, and it hears the words."""

from pathlib import Path

import numpy as np
import pytest

from generator.api import SAMPLE_RATE_HZ, Base, FloatArray, GenerationRequest, Generator, hear
from generator.checkpoint import read_checkpoint
from generator.hearing import TONES, Ear
from generator.loading import load_generator

HOUSE = Path(__file__).parents[1] / "generator" / "checkpoints" / "house"
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def house() -> Generator:
    return load_generator("house", threads=1)


def take(house: Generator, prompt: str, seed: int, seconds: float = 1.0) -> FloatArray:
    return house.generate(GenerationRequest(prompt, seed, seconds=seconds)).audio


def centroid_hz(audio: FloatArray) -> float:
    power = np.abs(np.fft.rfft(audio.mean(axis=1))) ** 2
    return float((np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ) * power).sum() / power.sum())


def sounding_s(audio: FloatArray) -> float:
    """Return when 95 % of the energy has passed."""
    energy = np.cumsum((audio**2).sum(axis=1))
    return float(np.searchsorted(energy, 0.95 * energy[-1]) / SAMPLE_RATE_HZ)


def test_it_is_whole_small_enough_and_credited() -> None:
    checkpoint = read_checkpoint(HOUSE)
    size_mb = sum(record.size_bytes for record in checkpoint.manifest.files.values()) / 1e6
    assert size_mb <= 40.0
    thanked = (HOUSE / "CREDITS.md").read_text(encoding="utf-8")
    for licence in checkpoint.manifest.licences:
        if licence.part == "training data":
            assert f"## {licence.source} ({licence.licence})" in thanked


@pytest.mark.parametrize(
    ("low", "high"),
    [("deep 808 kick", "closed hi-hat"), ("sub bass", "shaker"), ("deep 808 kick", "snare drum")],
)
def test_what_is_named_low_sounds_lower(house: Generator, low: str, high: str) -> None:
    lows = [centroid_hz(take(house, low, seed)) for seed in SEEDS]
    highs = [centroid_hz(take(house, high, seed)) for seed in SEEDS]
    assert np.median(lows) < 0.6 * np.median(highs), (lows, highs)


def test_a_hit_is_shorter_than_a_pad(house: Generator) -> None:
    hits = [sounding_s(take(house, "closed hi-hat", seed, 3.0)) for seed in SEEDS]
    pads = [sounding_s(take(house, "warm pad", seed, 3.0)) for seed in SEEDS]
    assert np.median(hits) < 0.6 * np.median(pads), (hits, pads)


def test_a_seed_is_a_take(house: Generator) -> None:
    one, again, other = (take(house, "snare drum", seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("prompt", ["low ambient pad", "howling wind", "voices pad in G major"])
def test_a_loop_of_what_dies_away_has_no_hole_at_its_end(house: Generator, prompt: str) -> None:
    for seed in SEEDS:
        loop = house.generate(GenerationRequest(prompt, seed, seconds=12.0, loop=True)).audio
        moments = np.sqrt(np.mean(loop.reshape(-1, SAMPLE_RATE_HZ // 5, 2) ** 2, axis=(1, 2)))
        assert moments[-1] > 0.01 * np.median(moments), (prompt, seed)


def riff() -> FloatArray:
    """Four plucked notes of C minor and a noise on each: like nothing that the model made."""
    t = np.arange(SAMPLE_RATE_HZ // 2) / SAMPLE_RATE_HZ
    notes_hz = (261.63, 311.13, 392.0, 311.13)
    noise = np.random.default_rng(4).standard_normal(len(t))
    plucks = [
        sum(np.sin(2 * np.pi * hz * n * t) / n for n in range(1, 9)) * np.exp(-6.0 * t)
        + 0.3 * noise * np.exp(-60.0 * t)
        for hz in notes_hz
    ]
    mono = np.concatenate(plucks)
    return (0.2 * np.stack((mono, 0.8 * mono), axis=1)).astype(np.float32)


def outline(audio: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a sound's level in nepers every 12 ms, and its mean chroma."""
    padded = np.pad(audio, ((0, -len(audio) % 4096), (0, 0)))
    features = Ear(128, 48).features(padded)
    bands = features[:, :-TONES].reshape(-1, 128 + 48)[:, :128]
    return np.log(np.exp(bands).sum(axis=1)), features[:, -TONES:].mean(axis=0)


def likeness(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    pairs = zip(outline(one), outline(other), strict=True)
    level, chroma = (float(np.corrcoef(a, b)[0, 1]) for a, b in pairs)
    return level, chroma


@pytest.mark.parametrize("prompt", ["warm pad", "four bars of house drums"])
def test_a_take_that_begins_from_a_sound_keeps_its_course_and_its_notes(
    house: Generator, prompt: str
) -> None:
    source = riff()
    heard = hear(house, source)
    found = {
        change: house.generate(
            GenerationRequest(prompt, 1, seconds=2.0, base=Base(heard, change))
        ).audio
        for change in (0.1, 0.5, 0.9, 1.0)
    }
    near, half = likeness(source, found[0.1]), likeness(source, found[0.5])
    assert near[0] > 0.9, near
    assert near[1] > 0.9, near
    assert half[0] > 0.8, half
    assert half[1] > 0.6, half
    plain = house.generate(GenerationRequest(prompt, 1, seconds=2.0)).audio
    np.testing.assert_array_equal(found[1.0], plain)
    assert likeness(plain, found[0.9]) > likeness(plain, found[0.1])
