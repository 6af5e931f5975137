"""Laws of the programs that sounds are rendered with: a seed is a sound, and the words are true."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.api import SAMPLE_RATE_HZ
from training.corpus import gallery
from training.corpus.captions import captions_of
from training.corpus.clip import PEAK, Clip
from training.corpus.measure import measure
from training.corpus.patch import Dice, midi_to_hz
from training.corpus.recipes import draw_law
from training.corpus.render import CorpusRun, render_corpus
from training.corpus.renderers import RENDERERS, Renderer
from training.corpus.scsynth import ScSynth, score_of, seeder, synth
from training.corpus.shards import Corpus
from training.corpus.sonic_pi import SonicPi, draw_wet
from training.corpus.voices import Drawn, draw_voice, place_in, voices
from training.errors import TrainingError
from training.pitch import cents_between, pitch_hz

PROGRAMS = ("csound", "faust", "sfxr", "sonic_pi")
# A program compiles or starts for each of these: a page of them is drawn by the gallery.
SEVERAL = 12
every_program = pytest.mark.parametrize("name", PROGRAMS)
_OPENED: dict[str, Renderer] = {}


def opened(name: str) -> Renderer:
    """The renderer, opened once: what it has compiled serves the next test too."""
    if name not in _OPENED:
        try:
            _OPENED[name] = RENDERERS[name]()
        except TrainingError as error:
            pytest.skip(str(error))
    return _OPENED[name]


def clip_of(name: str, seed: int) -> Clip:
    clip = opened(name).render(seed)
    assert isinstance(clip, Clip), f"{name} {seed}: {clip}"
    return clip


def drawn(name: str) -> Iterator[Drawn]:
    """What the seeds from 0 on draw."""
    for seed in itertools.count():
        yield draw_voice(name, seed)


def seeds_of(name: str, voice: str, code: str, count: int = 1) -> list[int]:
    found = (d.seed for d in drawn(name) if (d.voice.name, d.code) == (voice, code))
    return list(itertools.islice(found, count))


CODES = [(n, v.name, code) for n in PROGRAMS for v in voices(n).values() for code in v.codes]


@pytest.mark.parametrize(("name", "voice", "code"), CODES)
def test_a_voice_sounds(name: str, voice: str, code: str) -> None:
    (seed,) = seeds_of(name, voice, code)
    clip = clip_of(name, seed)
    assert 0.01 < clip.seconds < 10.0
    assert clip.audio.shape[1] in (1, 2)
    assert np.isfinite(clip.audio).all()
    assert np.abs(clip.audio).max() == pytest.approx(PEAK, rel=0.02)
    assert clip.source == name
    assert clip.licence in {"Apache-2.0", "MIT"}
    assert clip.author
    captions = captions_of(clip)
    assert 5 <= len(captions) <= 8
    assert any(noun in captions[0] for noun in voices(name)[voice].nouns)


@every_program
def test_a_seed_is_a_sound_whatever_was_made_before(name: str) -> None:
    first = [clip_of(name, seed).audio for seed in range(4)]
    again = [clip_of(name, seed).audio for seed in reversed(range(4))][::-1]
    afresh = RENDERERS[name]().render(3)
    assert isinstance(afresh, Clip)
    for one, two in zip(first, [*again[:3], afresh.audio], strict=True):
        np.testing.assert_array_equal(one, two)


@every_program
def test_another_seed_of_a_voice_is_another_sound(name: str) -> None:
    voice = next(iter(voices(name).values()))
    made = [clip_of(name, s).audio for s in seeds_of(name, voice.name, voice.codes[0], 5)]
    assert len({audio.tobytes() for audio in made}) == 5


# Voice, and the words of one of its parameters that the spectrum shows: dark first.
BRIGHTNESS = {
    "csound": ("shaker_roll", "low", "high"),
    "faust": ("dub_bass", "dark", "bright"),
    "sfxr": ("explosion", "deep rumbling", "hissing"),
    "sonic_pi": ("noise", "dark", "bright"),
}


@every_program
def test_words_of_a_parameter_are_heard(name: str) -> None:
    voice, *words = BRIGHTNESS[name]
    centroids: list[float] = []
    for word in words:
        said = (d for d in drawn(name) if d.voice.name == voice and word in d.facts["extra"])
        dry = (d.seed for d in said if draw_wet(d)[1] is None or name != "sonic_pi")
        clips = [clip_of(name, seed) for seed in itertools.islice(dry, 5)]
        assert any(word in text.lower() for c in clips for text in captions_of(c))
        heard = [measure(clip.audio)["spectral_centroid_hz"] for clip in clips]
        centroids.append(float(np.median(heard)))
    assert centroids[1] > 1.25 * centroids[0]


@pytest.mark.parametrize("name", ["faust", "sonic_pi"])
def test_a_named_note_is_in_tune(name: str) -> None:
    tested = 0
    for one in itertools.islice(drawn(name), 400):
        # The bars of a marimba have no period; an effect may hide one.
        if one.midi is None or not one.voice.tuned or one.voice.name == "marimba":
            continue
        if name == "sonic_pi" and draw_wet(one)[1] is not None:
            continue
        found = pitch_hz(clip_of(name, one.seed).audio)
        # Sonic Pi's piano is stretched, as pianos are.
        near = 25.0 if one.voice.name == "piano" else 12.0
        assert cents_between(found, midi_to_hz(one.midi)) < near, one
        tested += 1
        if tested == SEVERAL:
            break
    assert tested == SEVERAL


def test_the_first_partial_of_a_marimba_is_its_note() -> None:
    code = voices("faust")["marimba"].codes[0]
    for seed in seeds_of("faust", "marimba", code, 3):
        audio = clip_of("faust", seed).audio[:, 0]
        size = np.abs(np.fft.rfft(audio, 2**19))
        wanted = midi_to_hz(draw_voice("faust", seed).midi or 0)
        near = slice(*(round(wanted * ratio * 2**19 / SAMPLE_RATE_HZ) for ratio in (0.9, 1.1)))
        peak_hz = (near.start + int(np.argmax(size[near]))) * SAMPLE_RATE_HZ / 2**19
        assert cents_between(peak_hz, wanted) < 12.0
        assert size[near].max() > 0.05 * size.max()


@given(st.tuples(st.floats(-5.0, 5.0), st.floats(0.01, 9.0)), st.integers(0, 99))
def test_a_drawn_value_stands_within_its_law(pair: tuple[float, float], seed: int) -> None:
    law = (pair[0], pair[0] + pair[1])
    assert -1e-9 <= place_in(law, draw_law(Dice(seed), law)) <= 1.0 + 1e-9


def test_a_corpus_is_made_of_all_of_them(tmp_path: Path) -> None:
    for name in PROGRAMS:
        opened(name)
    shares = {f"{name}_share": 0.25 for name in PROGRAMS}
    nothing = dict.fromkeys(("short_share", "loop_share", "long_share", "general_midi_share"), 0.0)
    config = CorpusRun.model_validate(
        {"folder": tmp_path / "made", "clips": 24, "seed": 3, **nothing, **shares}
    )
    summary = render_corpus(config)
    assert set(summary.by_source) == set(PROGRAMS)
    assert summary.clips + sum(summary.refused.values()) == 24
    assert summary.seconds_by_licence.keys() == {"Apache-2.0", "MIT"}
    assert all(entry.author and entry.captions for entry in Corpus(tmp_path / "made").entries)


def test_a_synthesiser_that_is_not_there_is_named(tmp_path: Path) -> None:
    opened("sonic_pi")
    with pytest.raises(TrainingError, match="sonic-pi-server"):
        SonicPi(tmp_path / "nowhere")
    score = score_of([seeder()], [synth("no-such-synth", 1000, {})], 0.1)
    with pytest.raises(TrainingError, match="no-such-synth"):
        ScSynth("sonic_pi_share").render(score)


NEEDS = {
    "csound": "apt install csound",
    "sonic_pi": "apt install supercollider-server",
    "faust": "pip install",
    "sfxr": "pip install",
}


@every_program
def test_what_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for module in ("dawdreamer", "pyfxr"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(TrainingError, match=NEEDS[name]) as told:
        RENDERERS[name]()
    assert f"{name}_share = 0" in str(told.value)


def test_a_page_of_a_renderer_is_drawn(tmp_path: Path) -> None:
    opened("sfxr")
    gallery.main([str(tmp_path / "page.png"), "--renderer", "sfxr", "--clips", "3"])
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
