"""Claims are judged by their measures, asked once, and tried on real sound of the same words."""

from pathlib import Path

import numpy as np
import pytest

from generator.api import FloatArray, GenerationRequest
from tests.training.sounds import clicks, midi_hz, tone
from training.adherence import Answers, RealSound, Verdict, held, words_of
from training.claims import CLAIMS, KINDS, Claim, Keyed, Pair, Pitched, Timed
from training.corpus.clip import Clip
from training.corpus.shards import Corpus, write_corpus
from training.descriptors import brightness, length

SEEDS = (1, 2, 3)
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def verdict(claim: Claim, *rows: tuple[float, ...]) -> Verdict:
    return Verdict(claim, np.array(rows, np.float32))


def test_there_are_sixty_different_claims_of_every_sort() -> None:
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS) >= 60
    assert {type(claim) for claim in CLAIMS} == {Pair, Pitched, Timed, Keyed}
    measures = {claim.measure.__name__ for claim in CLAIMS}
    assert {"brightness", "length", "attack", "noisiness", "width"} <= measures


@pytest.mark.parametrize("frames", [1, 300, 441, 5000])
def test_measures_survive_silence_and_short_sounds(frames: int) -> None:
    silent = np.zeros((frames, 2), np.float32)
    for measure in {claim.measure for claim in CLAIMS}:
        assert np.isfinite(measure(silent))


def test_a_claim_holds_when_most_seeds_agree() -> None:
    claim = Pair(brightness, "a", "b")
    assert verdict(claim, (2.0, 1.0), (3.0, 2.0), (1.0, 9.0)).holds
    assert not verdict(claim, (2.0, 1.0), (1.0, 2.0)).holds
    assert verdict(claim, (2.0, 1.0), (1.0, 2.0)).agreeing == 1


def test_claims_that_hold_are_counted_by_kind() -> None:
    pair, note = Pair(brightness, "a", "b"), Pitched("bass", "A2")
    found = [verdict(pair, (2.0, 1.0)), verdict(note, (110.0,)), verdict(pair, (1.0, 2.0))]
    assert held(found) == {"pairs": (1, 2), "pitches": (1, 1)}
    assert held(verdict(claim, (0.0, 0.0)) for claim in CLAIMS).keys() == set(KINDS)


def test_a_note_a_tempo_and_a_key_must_be_near_enough() -> None:
    semitone = 2.0 ** (1.0 / 12.0)
    assert Pitched("bass", "A2").agrees((110.0 * semitone**0.49,))
    assert not Pitched("bass", "A2").agrees((110.0 * semitone**0.51,))
    assert not Pitched("bass", "A2").agrees((220.0,))
    assert Timed("loop", 100.0).agrees((101.9,))
    assert not Timed("loop", 100.0).agrees((102.1,))
    assert not Timed("loop", 100.0).agrees((0.0,))
    assert Keyed("loop", "A minor").agrees((0.0,))
    assert not Keyed("loop", "A minor").agrees((-1.0,))


def test_a_generator_that_does_what_it_is_told_keeps_its_claims() -> None:
    claims: tuple[Claim, ...] = (
        Pair(length, "long", "short"),
        Pair(brightness, "short", "long"),
        Pitched("x", "A3"),
    )
    asked: list[GenerationRequest] = []

    def take(request: GenerationRequest) -> FloatArray:
        asked.append(request)
        hz = {"short": 500.0, "long": 4000.0}.get(request.prompt, 220.0)
        return tone(hz, decay_s=0.5 if request.prompt != "short" else 0.02)[: request.frames]

    answers = Answers(claims, SEEDS, 1)
    for number, request in enumerate(answers.requests):
        answers.hear(number, take(request))
    found = [Verdict(c, row) for c, row in zip(claims, answers.values(), strict=True)]
    assert [v.agreeing for v in found] == [3, 0, 3]
    assert len(asked) == len(set(asked)) == 3 * len(SEEDS)


def test_words_of_a_prompt_are_those_that_name_the_sound() -> None:
    assert words_of("A Hi-Hat loop, 120 bpm") == {"hi", "hat", "loop"}


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Pings and thuds, each on a note of its own, and two sorts of loops."""

    def made(i: int) -> Clip:
        kind = ("ping", "thud", "steady loop", "hasty loop")[i % 4]
        note = 48 + i
        sound = {
            "ping": tone(midi_hz(note) * (2.0 if i == 4 else 1.0), seconds=0.5),
            "thud": tone(50.0, seconds=0.5, decay_s=0.05),
            "steady loop": clicks(2.0, seconds=4.0),
            "hasty loop": clicks(3.0, seconds=4.0),
        }[kind]
        loop = "loop" in kind
        facts = {} if loop else {"note": f"{NOTES[note % 12]}{note // 12 - 1}"}
        return Clip(
            f"c{i}", "test", f"s{i}", "CC0-1.0", "us", sound, (f"a bright {kind}",), facts=facts,
            tempo_bpm=120.0 if loop else None, bars=2 if loop else None,
        )  # fmt: skip

    write_corpus((made(i) for i in range(24)), tmp_path / "corpus")
    return Corpus(tmp_path / "corpus")


def test_real_sound_of_the_same_words_says_whether_a_claim_is_fair(corpus: Corpus) -> None:
    real = RealSound([corpus])
    assert real.fairness(Pair(brightness, "ping", "thud")).rate == 1.0
    assert real.fairness(Pair(brightness, "thud", "ping")).rate == 0.0
    assert real.fairness(Pitched("ping", "A4")).rate == pytest.approx(5 / 6)  # one is an octave off
    assert real.fairness(Timed("steady loop", 99.0)).rate == 1.0
    assert real.fairness(Timed("hasty loop", 99.0)).rate == 0.0
    assert not real.fairness(Pair(brightness, "ping", "gong")).known
    assert len(real.of_words("bright loop", lambda _: True)) == 12
