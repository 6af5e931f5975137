"""The laws of the pitched voices: basses, leads, pads, plucks, keys, bells and strings.

One table row a family: renderer, batch shapes, pitch range, lengths, effects and laws. Read by ``synth``
and, for phrases, by ``loops``.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import partial

from training.corpus.clip import SAMPLE_RATE_HZ
from training.corpus.families import Family, Law, draw_law, draw_laws, one_shot
from training.corpus.patch import NOTE_NAMES, Dice, Note, Patch, note_name

CHORDS: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7), "minor": (0, 3, 7), "sus2": (0, 2, 7), "sus4": (0, 5, 7), "major 7": (0, 4, 7, 11),
    "minor 7": (0, 3, 7, 10), "7": (0, 4, 7, 10), "minor 9": (0, 3, 7, 10, 14), "add9": (0, 4, 7, 14),
    "fifth": (0, 7),
}


@dataclass(frozen=True, slots=True)
class Tone:
    """One row of the table. ``attack_share`` of the length is attack when the laws do not say."""

    group: str
    renderer: str
    shapes: tuple[tuple[str | int, ...], ...]
    midi: tuple[int, int]
    seconds: tuple[float, float]
    laws: dict[str, Law]
    effects: dict[str, float] = field(default_factory=dict)
    chord_rate: float = 0.0
    tail: float = 0.25
    weight: float = 1.0


_SUB: dict[str, Law] = {
    "attack_s": (0.002, 0.01), "decay_s": (0.15, 0.8), "sustain": (0.4, 1.0), "release_s": (0.05, 0.25),
    "cutoff_octaves": (1.5, 4.0), "filter_octaves": (0.5, 3.0), "filter_attack_s": 0.002,
    "filter_decay_s": (0.06, 0.5), "q": (0.7, 2.0), "slope": (1.0, 2.0), "detune_cents": (3.0, 14.0),
    "free_phase": 1.0, "sub_ratio": 0.5, "width": (0.25, 0.5), "wander_hz": 0.2, "lfo_hz": 1.0,
    "tremolo_hz": 5.0, "vibrato_hz": 5.0, "fall_s": 0.05, "spread": 0.0,
}
_LEAD = _SUB | {
    "cutoff_octaves": (3.0, 5.5), "filter_octaves": (0.0, 2.0), "sustain": (0.6, 1.0), "release_s": (0.05, 0.4),
    "vibrato_cents": (0.0, 25.0), "vibrato_hz": (4.5, 6.5), "vibrato_delay_s": (0.1, 0.4),
}
_PAD = _SUB | {
    "attack_s": (0.25, 1.4), "decay_s": 4.0, "sustain": (0.7, 1.0), "release_s": (0.8, 2.0), "filter_octaves": (0.0, 1.5),
    "filter_attack_s": (0.4, 2.0), "filter_decay_s": (1.0, 5.0), "detune_cents": (6.0, 20.0), "spread": (0.4, 0.95),
    "wander": (0.0, 0.5), "wander_hz": (0.1, 0.5), "q": (0.7, 1.5), "slope": (1.0, 2.0),
}
_FM: dict[str, Law] = {
    "ratio": 1.0, "index": (1.0, 4.0), "index_end": (0.2, 1.0), "index_s": (0.1, 0.6), "carrier2": 1.0,
    "index2": 0.0, "mix2": 0.0, "decay2_s": 0.2, "attack_s": 0.002, "decay_s": (0.3, 1.2), "sustain": 0.0,
    "release_s": (0.1, 0.4), "tremolo_hz": (3.0, 6.0), "vibrato_hz": 5.0, "fall_s": 0.05,
}
_MODAL: dict[str, Law] = {
    "decay_s": (0.4, 1.2), "damping": (0.6, 1.1), "bright": (-0.5, 0.3), "stretch": (0.0, 0.004), "spread": (0.0, 0.6),
    "tick": (0.02, 0.15), "tick_s": (0.001, 0.006), "tick_hz": (1500.0, 6000.0), "attack_s": (0.0005, 0.002),
    "release_s": 0.4, "tremolo_hz": (4.0, 6.5),
}
_STRING: dict[str, Law] = {
    "stiffness": (0.00002, 0.0003), "place": (0.08, 0.3), "tilt": (0.8, 1.5), "decay_s": (0.8, 2.5),
    "damping": (0.05, 0.3), "tick": (0.02, 0.12), "tick_s": (0.001, 0.005), "tick_hz": (1500.0, 5000.0),
    "body": (0.0, 0.8), "body_hz": (100.0, 260.0), "release_s": (0.15, 0.4), "attack_s": 0.0006,
}
_ADD: dict[str, Law] = {
    "tilt": (1.0, 1.6), "odd": 0.0, "vowel": 0.0, "formant1_hz": 500.0, "formant2_hz": 1000.0, "formant3_hz": 2500.0,
    "detune_cents": (4.0, 10.0), "loose_cents": (0.0, 3.0), "spread": (0.5, 1.0), "attack_s": (0.1, 0.8), "decay_s": 5.0,
    "sustain": 0.9, "release_s": (0.5, 1.6), "tremolo_hz": (4.0, 6.5), "top_hz": (3000.0, 12000.0), "low_hz": 60.0,
    "breath_hz": 2000.0,
}
_PAD_FX = {"reverb": 0.55, "chorus": 0.3, "tape": 0.1, "delay": 0.08, "lo-fi": 0.03, "distorted": 0.02}
_TONE_FX = {"reverb": 0.25, "chorus": 0.08, "tape": 0.08, "delay": 0.12, "lo-fi": 0.05, "distorted": 0.08}
_BASS_FX = {"distorted": 0.2, "chorus": 0.05, "tape": 0.05, "lo-fi": 0.04, "reverb": 0.03}
_BASS, _LEADS, _PADS = (28, 48), (52, 84), (43, 72)
_SAW: tuple[tuple[str | int, ...], ...] = (("saw", 1), ("saw", 2))

TONES: dict[str, Tone] = {
    # basses
    "bass_sub": Tone("bass", "subtractive", (("sine", 1), ("triangle", 1)), (26, 43), (0.5, 2.5), _SUB | {
        "cutoff_octaves": (2.0, 4.0), "free_phase": 0.0, "sustain": (0.7, 1.0)}, {"distorted": 0.1, "tape": 0.05}),
    "bass_808": Tone("bass", "subtractive", (("sine", 1),), (26, 41), (0.6, 2.4), _SUB | {
        "cutoff_octaves": 5.0, "free_phase": 0.0, "sustain": 0.0, "decay_s": (0.4, 1.2), "fall_octaves": (0.5, 1.6),
        "fall_s": (0.01, 0.04)}, {"distorted": 0.4, "tape": 0.05}),
    "bass_saw": Tone("bass", "subtractive", _SAW, _BASS, (0.3, 2.0), _SUB | {"sub": (0.0, 0.6)}, _BASS_FX),
    "bass_square": Tone("bass", "subtractive", (("pulse", 1),), _BASS, (0.3, 1.8), _SUB | {"sub": (0.0, 0.5)}, _BASS_FX),
    "bass_acid": Tone("bass", "subtractive", (("saw", 1), ("pulse", 1)), (33, 52), (0.2, 0.9), _SUB | {
        "q": (4.0, 12.0), "slope": (1.4, 2.0), "cutoff_octaves": (0.8, 2.0), "filter_octaves": (2.0, 4.5),
        "filter_decay_s": (0.08, 0.35)}, {"distorted": 0.45, "delay": 0.1}),
    "bass_reese": Tone("bass", "subtractive", (("saw", 3), ("saw", 4)), (26, 43), (0.8, 3.0), _SUB | {
        "detune_cents": (12.0, 32.0), "cutoff_octaves": (2.0, 4.0), "filter_octaves": (0.0, 0.8), "sustain": (0.8, 1.0),
        "sub": (0.2, 0.8), "spread": (0.0, 0.7), "wander": (0.2, 1.0), "wander_hz": (0.3, 1.5)}, _BASS_FX),
    "bass_wobble": Tone("bass", "subtractive", (("saw", 2), ("pulse", 1)), (26, 43), (0.8, 3.0), _SUB | {
        "lfo_octaves": (1.2, 2.2), "lfo_hz": (1.5, 8.0), "q": (1.5, 5.0), "slope": 2.0, "cutoff_octaves": (2.0, 3.5),
        "filter_octaves": 0.0, "sustain": (0.9, 1.0), "sub": (0.2, 0.6)}, _BASS_FX),
    "bass_fm": Tone("bass", "fm", (("fm",),), _BASS, (0.3, 1.6), _FM | {
        "index": (2.0, 7.0), "index_end": (0.1, 0.8), "index_s": (0.05, 0.3), "sustain": (0.0, 0.6)}, _BASS_FX),
    "bass_pluck": Tone("bass", "string", (("string",),), (28, 47), (0.6, 2.0), _STRING | {
        "body": (0.0, 0.5), "body_hz": (70.0, 140.0)}, _BASS_FX),
    # leads
    "lead_saw": Tone("lead", "subtractive", _SAW, _LEADS, (0.3, 2.5), _LEAD, _TONE_FX),
    "lead_square": Tone("lead", "subtractive", (("pulse", 1),), _LEADS, (0.2, 2.0), _LEAD, _TONE_FX),
    "lead_supersaw": Tone("lead", "subtractive", (("saw", 5), ("saw", 7)), (50, 81), (0.4, 3.0), _LEAD | {
        "detune_cents": (12.0, 35.0), "spread": (0.5, 1.0), "vibrato_cents": 0.0}, _TONE_FX | {"reverb": 0.4}, 0.35),
    "lead_fm": Tone("lead", "fm", (("fm",),), _LEADS, (0.3, 2.0), _FM | {
        "sustain": (0.5, 0.9), "index": (1.5, 5.0), "index_end": (0.8, 2.5), "vibrato_cents": (0.0, 20.0),
        "vibrato_delay_s": 0.2}, _TONE_FX),
    "lead_chip": Tone("lead", "subtractive", (("pulse", 1), ("triangle", 1)), (60, 88), (0.1, 0.8), _LEAD | {
        "cutoff_octaves": 6.0, "vibrato_cents": 0.0, "width": (0.125, 0.5), "filter_octaves": 0.0}, {"lo-fi": 0.3}),
    "lead_whistle": Tone("lead", "subtractive", (("sine", 1), ("triangle", 1)), (64, 90), (0.4, 2.0), _LEAD | {
        "vibrato_cents": (10.0, 30.0), "noise": (0.0, 0.03), "attack_s": (0.02, 0.08)}, _TONE_FX | {"reverb": 0.5}),
    "synth_brass": Tone("lead", "subtractive", (("saw", 2), ("saw", 3)), (45, 72), (0.4, 2.5), _LEAD | {
        "filter_attack_s": (0.03, 0.12), "filter_octaves": (1.5, 3.0), "cutoff_octaves": (0.8, 2.0), "attack_s": (0.01, 0.05),
        "filter_decay_s": (0.3, 1.0), "spread": (0.0, 0.6)}, _TONE_FX, 0.4),
    "stab": Tone("keys", "subtractive", (("saw", 2), ("saw", 3)), (48, 67), (0.2, 0.6), _SUB | {
        "cutoff_octaves": (1.5, 3.5), "filter_octaves": (1.0, 3.0), "filter_decay_s": (0.05, 0.2), "sustain": (0.2, 0.6),
        "spread": (0.0, 0.8), "release_s": (0.05, 0.2)}, _TONE_FX | {"reverb": 0.4, "delay": 0.2}, 1.0),
    # pads
    "pad_warm": Tone("pad", "subtractive", (("saw", 3),), _PADS, (2.0, 6.5), _PAD | {
        "cutoff_octaves": (1.0, 2.4)}, _PAD_FX, 0.6, 0.35),
    "pad_dark": Tone("pad", "subtractive", (("saw", 2), ("triangle", 3)), (36, 60), (2.5, 7.0), _PAD | {
        "cutoff_octaves": (0.2, 1.2), "slope": 2.0}, _PAD_FX, 0.5, 0.35),
    "pad_bright": Tone("pad", "subtractive", (("saw", 4), ("pulse", 3)), (48, 74), (2.0, 6.0), _PAD | {
        "cutoff_octaves": (3.0, 5.0), "pwm": 1.0}, _PAD_FX, 0.6, 0.35),
    "pad_sweep": Tone("pad", "subtractive", (("saw", 3),), _PADS, (3.0, 7.0), _PAD | {
        "cutoff_octaves": (0.5, 1.5), "filter_octaves": (2.0, 4.0), "filter_attack_s": (1.5, 4.0), "q": (1.0, 3.5)},
        _PAD_FX, 0.5, 0.3),
    "string_machine": Tone("pad", "additive", (("harmonics",),), (48, 76), (1.5, 6.0), _ADD | {
        "tilt": (0.9, 1.2), "loose_cents": (2.0, 6.0), "low_hz": (150.0, 300.0)}, _PAD_FX | {"chorus": 0.7}, 0.6, 0.35),
    "tape_strings": Tone("pad", "additive", (("harmonics",),), (48, 74), (1.5, 6.0), _ADD | {
        "tilt": (1.0, 1.5), "loose_cents": (3.0, 8.0), "spread": (0.0, 0.3), "breath": (0.02, 0.08)},
        {"tape": 1.0, "reverb": 0.3}, 0.5, 0.3),
    "choir": Tone("pad", "additive", (("harmonics",),), (48, 72), (1.5, 6.0), _ADD | {
        "vowel": (0.9, 1.0), "tilt": (0.5, 1.0), "formant1_hz": (350.0, 800.0), "formant2_hz": (800.0, 1800.0),
        "formant3_hz": (2400.0, 3000.0), "loose_cents": (5.0, 14.0), "breath": (0.01, 0.06), "detune_cents": (6.0, 14.0)},
        {"reverb": 0.7, "tape": 0.05, "chorus": 0.2}, 0.6, 0.35),
    "glass_pad": Tone("pad", "additive", (("harmonics",),), (60, 84), (2.0, 6.0), _ADD | {
        "tilt": (1.3, 2.2), "odd": (0.6, 1.0), "attack_s": (0.2, 1.0), "tremolo": (0.0, 0.4), "tremolo_hz": (0.5, 4.0),
        "top_hz": 12000.0}, _PAD_FX | {"reverb": 0.8}, 0.5, 0.4),
    # plucks and strings
    "pluck_synth": Tone("pluck", "subtractive", (("saw", 2), ("pulse", 1), ("saw", 3)), (50, 84), (0.25, 1.2), _SUB | {
        "cutoff_octaves": (0.5, 2.0), "filter_octaves": (2.0, 4.5), "filter_decay_s": (0.04, 0.2), "sustain": 0.0,
        "decay_s": (0.1, 0.4), "spread": (0.0, 0.8)}, _TONE_FX | {"reverb": 0.4, "delay": 0.2}, 0.2),
    "pluck_string": Tone("pluck", "string", (("string",),), (45, 79), (0.6, 2.2), _STRING, _TONE_FX, 0.15),
    "harp": Tone("pluck", "string", (("string",),), (48, 88), (0.8, 2.5), _STRING | {
        "place": (0.3, 0.5), "tilt": (1.4, 2.2), "body_hz": (150.0, 300.0)}, {"reverb": 0.5}, 0.2),
    "guitar_nylon": Tone("pluck", "string", (("string",),), (40, 72), (0.8, 2.5), _STRING | {
        "tilt": (1.3, 1.9), "body": (0.6, 1.5), "body_hz": (95.0, 130.0)}, _TONE_FX, 0.3),
    "koto": Tone("pluck", "string", (("string",),), (50, 79), (0.8, 2.2), _STRING | {
        "place": (0.04, 0.09), "tilt": (0.7, 1.1), "tick": (0.1, 0.3)}, {"reverb": 0.3}),
    "muted_pluck": Tone("pluck", "string", (("string",),), (40, 72), (0.15, 0.4), _STRING | {
        "decay_s": (0.08, 0.2), "damping": (0.1, 0.4)}, _TONE_FX),
    # keys
    "electric_piano": Tone("keys", "fm", (("fm",),), (40, 84), (0.8, 3.0), _FM | {
        "ratio": 1.0, "index": (0.6, 1.8), "index_end": (0.1, 0.4), "carrier2": 14.0, "index2": (0.2, 1.0),
        "mix2": (0.05, 0.25), "decay2_s": (0.05, 0.25), "decay_s": (0.6, 1.6), "tremolo": (0.0, 0.4), "autopan": (0.0, 0.5)},
        _TONE_FX | {"chorus": 0.3}, 0.5),
    "organ": Tone("keys", "additive", (("drawbars",),), (43, 79), (0.5, 3.0), _ADD | {
        **{f"bar{i}": (0.05, 1.0) for i in range(1, 10)}, "bar3": 1.0, "attack_s": (0.004, 0.02), "release_s": (0.05, 0.15),
        "sustain": 1.0, "detune_cents": (0.5, 4.0), "tremolo": (0.0, 0.35), "loose_cents": 0.0, "top_hz": 9000.0},
        {"reverb": 0.3, "distorted": 0.12, "chorus": 0.2, "tape": 0.05}, 0.5, 0.08),
    "clav": Tone("keys", "string", (("string",),), (40, 76), (0.3, 1.0), _STRING | {
        "place": (0.05, 0.12), "tilt": (0.6, 1.0), "tick": (0.05, 0.2), "release_s": 0.06}, _TONE_FX, 0.2),
    "piano_toy": Tone("keys", "modal", (("music_box",),), (60, 88), (0.5, 1.5), _MODAL | {
        "bright": (-0.8, 0.0), "decay_s": (0.3, 0.7)}, _TONE_FX, 0.2),
    "harpsichord": Tone("keys", "string", (("string",),), (45, 79), (0.6, 2.0), _STRING | {
        "place": (0.06, 0.12), "tilt": (0.4, 0.8), "tick": (0.05, 0.15)}, {"reverb": 0.35}, 0.35),
    # bells and mallets
    "bell_fm": Tone("bell", "fm", (("fm",),), (60, 90), (0.8, 3.5), _FM | {
        "ratio": (3.48, 3.52), "index": (1.5, 5.0), "index_end": (0.0, 0.3), "index_s": (0.3, 1.2), "decay_s": (0.6, 1.6)},
        {"reverb": 0.45, "delay": 0.1}),
    "bell_tubular": Tone("bell", "modal", (("tubular",),), (55, 79), (1.5, 4.0), _MODAL | {
        "decay_s": (1.0, 2.5), "damping": (0.3, 0.7)}, {"reverb": 0.4}),
    "bell_church": Tone("bell", "modal", (("church",),), (43, 72), (2.0, 6.0), _MODAL | {
        "decay_s": (1.5, 4.0), "damping": (0.3, 0.7), "tick": (0.1, 0.3)}, {"reverb": 0.4}),
    "glockenspiel": Tone("bell", "modal", (("glockenspiel",),), (77, 101), (0.8, 2.0), _MODAL, {"reverb": 0.35}),
    "music_box": Tone("bell", "modal", (("music_box",),), (65, 91), (0.6, 2.0), _MODAL, {"reverb": 0.4, "tape": 0.1}, 0.1),
    "glass_bell": Tone("bell", "modal", (("glass",),), (67, 93), (0.8, 2.5), _MODAL | {"tick": 0.03}, {"reverb": 0.5}),
    "singing_bowl": Tone("bell", "modal", (("bowl",),), (45, 67), (3.0, 7.0), _MODAL | {
        "decay_s": (2.0, 5.0), "damping": (0.4, 0.8), "attack_s": (0.005, 0.2), "tremolo": (0.0, 0.25),
        "tremolo_hz": (0.8, 3.0)}, {"reverb": 0.3}),
    "marimba": Tone("mallet", "modal", (("marimba",),), (43, 79), (0.4, 1.4), _MODAL | {
        "decay_s": (0.15, 0.5), "damping": (0.8, 1.4)}, _TONE_FX, 0.15),
    "xylophone": Tone("mallet", "modal", (("xylophone",),), (65, 96), (0.3, 0.9), _MODAL | {"decay_s": (0.1, 0.3)}, _TONE_FX),
    "vibraphone": Tone("mallet", "modal", (("vibraphone",),), (53, 84), (1.0, 3.5), _MODAL | {
        "decay_s": (0.8, 2.2), "tremolo": (0.0, 0.6), "bright": (-0.8, 0.0)}, {"reverb": 0.35}, 0.3),
    "kalimba": Tone("mallet", "modal", (("kalimba",),), (55, 84), (0.5, 1.8), _MODAL | {
        "decay_s": (0.25, 0.8), "tick": (0.05, 0.25)}, _TONE_FX, 0.15),
    "steel_drum": Tone("mallet", "modal", (("steel",),), (53, 79), (0.6, 1.8), _MODAL | {
        "decay_s": (0.25, 0.7), "bright": (-0.2, 0.4)}, _TONE_FX, 0.15),
    "gong": Tone("bell", "modal", (("gong",),), (31, 52), (2.5, 7.0), _MODAL | {
        "decay_s": (1.5, 4.0), "damping": (0.2, 0.6), "bright": (-0.2, 0.5), "attack_s": (0.002, 0.08)}, {"reverb": 0.3}),
}


def draw_tone(name: str, seed: int) -> Patch:
    """Draw a note or a chord of a pitched family.

    Args:
        name: A key of ``TONES``.
        seed: Seed of the patch.

    Returns:
        A one-shot patch whose facts name note, chord and a key that it fits.
    """
    tone = TONES[name]
    dice = Dice(zlib.crc32(name.encode()), seed)
    values = draw_laws(dice, tone.laws)
    seconds = draw_law(dice, tone.seconds)
    root = dice.integer(*tone.midi)
    facts: dict[str, object] = {"instrument": name}
    midi: tuple[float, ...] = (root,)
    mode = dice.choice(("major", "minor"))
    if dice.chance(tone.chord_rate):
        chord = dice.choice(tuple(CHORDS))
        midi = tuple(float(root + step) for step in CHORDS[chord])
        mode = "minor" if 3 in CHORDS[chord] else "major" if 4 in CHORDS[chord] else mode
        facts |= {"chord": f"{NOTE_NAMES[root % 12]} {chord}", "root": note_name(root)}
    else:
        facts |= {"note": note_name(root), "midi": root}
    facts["key"] = f"{NOTE_NAMES[root % 12]} {mode}"
    release = min(values.get("release_s", 0.2), 0.5 * seconds)
    values["release_s"] = release
    values["attack_s"] = min(values["attack_s"], 0.4 * seconds)
    gate = max(seconds - release, 0.5 * seconds)
    note = Note(0, round(gate * SAMPLE_RATE_HZ), midi)
    return one_shot(
        name, tone.renderer, seed, dice, seconds, values, group=tone.group, effects=tone.effects,
        note=note, shape=dice.choice(tone.shapes), facts=facts,
    )


TONE_FAMILIES = tuple(Family(n, t.group, partial(draw_tone, n), t.weight) for n, t in TONES.items())
