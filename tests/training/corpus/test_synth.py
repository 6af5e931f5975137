"""Laws of the synthesiser: exact lengths and pitches, one sound for a seed in any batch."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.api import SAMPLE_RATE_HZ
from training.corpus.clip import PEAK, Clip
from training.corpus.loops import DRUM_LOOPS, LOOP_WEIGHTS
from training.corpus.measure import measure
from training.corpus.patch import Patch, midi_to_hz, note_name, padded_length
from training.corpus.phrases import loop_frames
from training.corpus.recipes import recipes
from training.corpus.synth import RENDERERS, draw, families, render
from training.errors import TrainingError

Mono = npt.NDArray[np.float64]
every_family = pytest.mark.parametrize("family", list(families()))
TONAL = [n for n, r in recipes().items() if r.midi and r.group != "texture" and r.chord_rate < 1]
STILL = {
    "detune_cents": 0.0,
    "loose_cents": 0.0,
    "vibrato_cents": 0.0,
    "fall_octaves": 0.0,
    "tape_hz": 0.0,
    "chorus": 0.0,
    "reverb": 0.0,
    "delay": 0.0,
    "crush_bits": 0.0,
}


def one(patch: Patch) -> Clip:
    ((_, clip),) = render([patch])
    assert isinstance(clip, Clip), clip
    return clip


@every_family
def test_a_family_makes_sound_of_the_drawn_length(family: str) -> None:
    patch = draw(family, 3)
    clip = one(patch)
    assert clip.audio.shape[0] == patch.frames
    assert clip.audio.shape[1] in (1, 2)
    assert np.isfinite(clip.audio).all()
    assert np.abs(clip.audio).max() == pytest.approx(PEAK, rel=1e-4)
    assert np.abs(clip.audio.mean(0)).max() < 0.02  # what the fade and the peak leave of DC
    assert clip.facts["family"] == family


@every_family
def test_the_same_seed_draws_the_same_patch(family: str) -> None:
    assert draw(family, 11) == draw(family, 11)
    assert draw(family, 11).values != draw(family, 12).values


@pytest.mark.parametrize("family", ["kick_808", "pad_warm", "crash", "rain", "riser", "drum_loop"])
def test_the_same_seed_makes_the_same_samples(family: str) -> None:
    assert np.array_equal(one(draw(family, 5)).audio, one(draw(family, 5)).audio)


@pytest.mark.parametrize("renderer", list(RENDERERS))
def test_a_batch_of_one_equals_a_batch_of_many(renderer: str) -> None:
    names = [name for name, recipe in recipes().items() if recipe.renderer == renderer]
    patches = [draw(name, seed) for name in names[:3] for seed in range(4)]
    together = dict(render(patches))
    for index in (0, len(patches) - 1):
        clip = together[index]
        assert isinstance(clip, Clip)
        alone = one(patches[index])
        # Sums and sines round differently in another order: far below 16 bits.
        width = min(clip.audio.shape[1], alone.audio.shape[1])
        np.testing.assert_allclose(
            clip.audio[:, :width], alone.audio[:, :width], atol=2e-4, err_msg=patches[index].family
        )


@pytest.mark.parametrize("family", TONAL)
def test_measured_pitch_is_the_labelled_one_within_10_cents(family: str) -> None:
    notes = [p for seed in range(20) if "midi" in (p := draw(family, seed)).facts]
    patch = max(notes, key=lambda note: note.frames)
    still = replace(patch, values={**patch.values, **STILL})
    label_hz = midi_to_hz(patch.facts["midi"])
    cents = deviation_cents(one(still).audio.mean(1).astype(np.float64), label_hz)
    assert abs(cents) < 10.0, f"{family} at {note_name(patch.facts['midi'])}: {cents:.1f} cents"


def deviation_cents(mono: Mono, label_hz: float) -> float:
    """How far the partial near the labelled fundamental is from it, in cents, within a third."""
    length = 2**21
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), length))
    hertz = np.arange(len(spectrum)) * SAMPLE_RATE_HZ / length
    near = (hertz > label_hz * 2 ** (-3 / 12)) & (hertz < label_hz * 2 ** (3 / 12))
    found = float(hertz[near][np.argmax(spectrum[near])])
    return 1200.0 * float(np.log2(found / label_hz))


def test_a_tuned_kick_ends_at_its_note() -> None:
    patch = draw("kick_808", 2)
    still = replace(patch, values={**patch.values, **STILL, "drive": 0.0, "tick": 0.0})
    tail = one(still).audio.mean(1).astype(np.float64)[round(0.25 * SAMPLE_RATE_HZ) :]
    assert abs(deviation_cents(tail, midi_to_hz(patch.facts["midi"]))) < 10.0


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("kick_punchy", "hat_closed"),
        ("kick_808", "snare"),
        ("tom", "crash"),
        ("bass_sub", "lead_saw"),
        ("pad_dark", "pad_bright"),
        ("drone_dark", "drone_bright"),
        ("thunder", "rain"),
    ],
)
def test_one_family_sounds_lower_than_another(lower: str, higher: str) -> None:
    centroids = {
        name: [measure(one(draw(name, seed)).audio)["spectral_centroid_hz"] for seed in range(4)]
        for name in (lower, higher)
    }
    assert np.median(centroids[lower]) < np.median(centroids[higher])


def test_a_pad_rises_more_slowly_than_a_pluck() -> None:
    pads = [measure(one(draw("pad_warm", seed)).audio)["attack_s"] for seed in range(5)]
    plucks = [measure(one(draw("pluck_string", seed)).audio)["attack_s"] for seed in range(5)]
    assert np.median(pads) > 4.0 * np.median(plucks)


@given(st.sampled_from(list(LOOP_WEIGHTS)), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_loop_has_exactly_its_bars(name: str, seed: int) -> None:
    patch = draw(name, seed)
    tempo, bars = patch.facts["tempo_bpm"], patch.facts["bars"]
    assert patch.loop
    assert patch.frames == round(bars * 4 * 60 / tempo * 44_100) == loop_frames(bars, tempo)
    assert all(0 <= note.start < patch.frames for note in patch.notes)
    assert [note.start for note in patch.notes if name not in DRUM_LOOPS] == sorted(
        note.start for note in patch.notes if name not in DRUM_LOOPS
    )


@pytest.mark.parametrize("name", list(LOOP_WEIGHTS))
def test_a_loop_has_no_click_at_its_seam(name: str) -> None:
    patch = next(p for seed in range(50) if not (p := draw(name, seed)).facts["effects"])
    audio = one(patch).audio
    steps = np.abs(np.diff(audio, axis=0))
    seam = np.abs(audio[0] - audio[-1]).max()
    assert seam <= max(steps.max(), 0.05)


def test_drum_hits_fall_on_the_grid() -> None:
    patch = next(p for seed in range(50) if not (p := draw("kick_loop", seed)).facts["effects"])
    mono = np.abs(one(patch).audio).max(1)
    first = min(note.start for note in patch.notes)
    assert mono[first : first + 441].max() > 0.05
    grid = patch.frames / (patch.facts["bars"] * 16)
    straight = [note.start / grid for note in patch.notes if round(note.start / grid) % 2 == 0]
    assert np.abs(np.array(straight) - np.round(straight)).max() < 0.01


@given(st.integers(1, 2**20))
def test_padded_lengths_hold_the_sound_and_waste_little(frames: int) -> None:
    padded = padded_length(frames)
    assert padded >= frames
    assert padded <= max(1024, frames * 1.13 + 1)
    assert padded_length(padded) == padded


def test_an_unknown_family_is_named_with_those_that_exist() -> None:
    with pytest.raises(TrainingError, match="kick_808"):
        draw("kick_909", 0)


def test_every_recipe_has_a_renderer() -> None:
    assert {recipe.renderer for recipe in recipes().values()} == set(RENDERERS)


def test_there_are_forty_families_of_one_shots_and_a_dozen_of_loops() -> None:
    assert len(recipes()) >= 40
    assert len(LOOP_WEIGHTS) >= 12


def test_stereo_families_are_wide_and_basses_are_not() -> None:
    pad = one(draw("pad_warm", 1)).audio
    assert measure(pad)["stereo_width"] > 0.1
    assert torch.tensor(one(draw("bass_sub", 1)).audio).shape[1] == 1
