"""Laws of the captions: deterministic, different, true to the facts, and enough of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.corpus.captions import captions_of, describe, joined, perceived
from training.corpus.clip import Clip
from training.corpus.grammar import Description, distinct, write_captions
from training.corpus.imagined import caption_list
from training.corpus.lexicon import lexicon, spoken_note
from training.corpus.measure import measure
from training.corpus.patterns import styles
from training.corpus.synth import draw, families, render

WORDS = lexicon()
descriptions = st.builds(
    Description,
    nouns=st.sampled_from(list(WORDS.nouns.values())),
    group=st.sampled_from(list(WORDS.groups)),
    qualities=st.lists(st.sampled_from(list(WORDS.qualities)), unique=True, max_size=3).map(tuple),
    effects=st.lists(st.sampled_from(list(WORDS.effect_adjectives)), unique=True, max_size=2).map(
        tuple
    ),
    style=st.sampled_from([None, *styles()]),
    note=st.sampled_from([None, "C4", "F#2"]),
    tempo_bpm=st.sampled_from([None, 120.0, 174.0]),
    bars=st.sampled_from([None, 1, 4]),
    key=st.sampled_from([None, "A# minor"]),
)


def made(family: str, seed: int) -> Clip:
    ((_, clip),) = render([draw(family, seed)])
    assert isinstance(clip, Clip)
    return clip


@given(descriptions, st.integers(0, 2**31))
@settings(max_examples=200)
def test_captions_are_clean_and_different(description: Description, seed: int) -> None:
    captions = write_captions(description, seed)
    assert 1 <= len(captions) <= 8
    assert len(set(captions)) == len(captions)
    assert captions == write_captions(description, seed)
    for text in captions:
        assert text == " ".join(text.split())
        assert text
        assert not text.startswith((",", " "))
        assert ",," not in text
        assert "  " not in text
        words = text.rstrip(".").lower().replace(",", "").split()
        assert all(a != b for a, b in itertools.pairwise(words)), text


@given(descriptions, st.integers(0, 1000))
@settings(max_examples=100)
def test_every_caption_names_the_sound(description: Description, seed: int) -> None:
    last_words = {noun.split()[-1] for noun in description.nouns}
    for text in write_captions(description, seed):
        assert any(word in text.lower() for word in last_words), text


@pytest.mark.parametrize("family", ["kick_808", "pad_warm", "drum_loop", "bass_loop", "rain"])
def test_a_clip_has_five_to_eight_captions_always_the_same(family: str) -> None:
    clip = made(family, 4)
    captions = captions_of(clip)
    assert 5 <= len(captions) <= 8
    assert captions == captions_of(clip)
    assert captions != captions_of(clip, seed=1)


def test_a_loop_tells_tempo_and_key() -> None:
    clip = made("bass_loop", 2)
    told = " ".join(itertools.chain(*(captions_of(clip, seed) for seed in range(5))))
    assert f"{round(clip.tempo_bpm or 0)}" in told
    assert clip.musical_key is not None
    assert clip.musical_key in told or spoken_note(clip.musical_key) in told


def test_there_are_45_000_distinct_captions_without_sound() -> None:
    captions = caption_list(45_000, seed=1)
    assert distinct([caption.text for caption in captions]) >= 45_000
    assert all(0.1 <= caption.seconds <= 8.01 for caption in captions)
    assert any(caption.tempo_bpm for caption in captions)
    assert any(caption.key for caption in captions)


def test_caption_lists_are_deterministic_and_differ_by_seed() -> None:
    assert caption_list(50, 1) == caption_list(50, 1)
    assert caption_list(50, 1) != caption_list(50, 2)


def test_imagined_loops_have_the_length_of_their_tempo() -> None:
    loops = [c for c in caption_list(2000, 3) if c.tempo_bpm]
    assert loops
    for caption in loops:
        assert caption.tempo_bpm is not None
        bars = caption.seconds * caption.tempo_bpm / 240.0
        assert abs(bars - round(bars)) < 1e-3


def test_every_family_and_style_has_words() -> None:
    assert set(families()) == set(WORDS.nouns)
    assert set(styles()) == set(WORDS.styles)
    assert len(WORDS.instruments) == 128
    assert set(WORDS.effect_adjectives) == set(WORDS.effect_phrases)


def test_nouns_are_joined_without_saying_a_word_twice() -> None:
    assert joined("acid bass", "bass loop") == "acid bass loop"
    assert joined("808", "bass line") == "808 bass line"
    assert joined("saw bass", "bassline") == "saw bassline"


def test_heard_words_follow_the_measures() -> None:
    assert "very short" in perceived({"decay_s": 0.05, "attack_s": 0.0}, "drum", 0.06)
    assert "long" in perceived({"decay_s": 1.2, "attack_s": 0.0}, "drum", 1.3)
    assert "bright" in perceived({"spectral_centroid_hz": 9000.0}, "lead", 1.0)
    assert "dark" in perceived({"spectral_centroid_hz": 200.0}, "lead", 1.0)
    assert "wide" in perceived({"stereo_width": 0.45}, "pad", 3.0)
    assert "soft attack" in perceived({"attack_s": 0.6}, "pad", 3.0)


def test_a_description_knows_what_the_facts_say() -> None:
    facts = {"family": "pad_warm", "group": "pad", "note": "C4", "effects": ["reverb"]}
    description = describe(facts, {}, 3.0)
    assert description.note == "C4"
    assert description.effects == ("reverb",)
    assert "warm pad" in description.nouns


def test_measures_of_known_sounds() -> None:
    time = np.arange(44_100)[:, None] / 44_100
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    measured = measure(tone)
    assert measured["spectral_centroid_hz"] == pytest.approx(1000, rel=0.1)
    assert measured["spectral_flatness"] < 1e-3
    assert measured["stereo_width"] == 0.0
    noise = np.random.default_rng(1).standard_normal((44_100, 2)).astype(np.float32)
    assert measure(noise)["spectral_flatness"] > 0.5
    assert measure(noise)["stereo_width"] == pytest.approx(0.5, abs=0.05)
    fading = (tone * np.exp(-time / 0.1)).astype(np.float32)
    assert measure(fading)["decay_s"] == pytest.approx(0.1 * np.log(100), rel=0.05)
    swelling = (tone * np.clip(time / 0.8, 0, 1)).astype(np.float32)
    assert measure(swelling)["attack_s"] == pytest.approx(0.64, rel=0.05)
