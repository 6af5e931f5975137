"""The laws of the drum voices: ranges for every parameter, one table row a family.

Read by ``synth``; the sounds themselves are made in ``drums``.
"""

from __future__ import annotations

import zlib
from functools import partial

from training.corpus.families import Family, Law, draw_law, draw_laws, one_shot
from training.corpus.patch import Dice, Patch, midi_to_hz, note_name

_EFFECTS = {"distorted": 0.08, "lo-fi": 0.04, "tape": 0.06, "reverb": 0.12, "delay": 0.02}
_DRY = {"distorted": 0.05, "lo-fi": 0.03, "tape": 0.05, "reverb": 0.05}

_KICK: dict[str, Law] = {
    "sweep_ratio": (3.0, 9.0), "sweep_s": (0.008, 0.05), "curve": (1.0, 1.6), "attack_s": (0.0005, 0.002),
    "click": (0.1, 0.8), "click_s": (0.001, 0.006), "click_hz": (1500.0, 6000.0), "second": 0.0, "skin": 0.0,
}
_METAL: dict[str, Law] = {
    "low_hz": (350.0, 900.0), "high_hz": (9000.0, 17000.0), "modes": (0.4, 1.2), "hiss": (0.3, 1.2),
    "cut_hz": (3500.0, 8500.0), "top_hz": (11000.0, 20000.0), "wide": (0.0, 0.4), "bell": 0.0,
    "bell_hz": 1000.0, "attack_s": (0.0003, 0.001),
}
_NO_MODES: dict[str, Law] = {
    **{f"ratio{i}": 1.0 for i in range(1, 6)}, **{f"level{i}": 0.0 for i in range(1, 6)},
    "damping": 0.6, "attack_s": 0.0004, "tick": (0.05, 0.3), "tick_s": (0.001, 0.004), "tick_hz": (2000.0, 7000.0),
}


def _modes(*pairs: tuple[float, float]) -> dict[str, Law]:
    """Laws for the modes of ``drums.struck``: each ratio and level loosened by a few per cent."""
    laws: dict[str, Law] = {}
    for index, (ratio, level) in enumerate(pairs, 1):
        laws[f"ratio{index}"] = ratio if index == 1 else (ratio * 0.97, ratio * 1.03)
        laws[f"level{index}"] = (level * 0.6, level * 1.4)
    return laws


# family: (renderer, seconds, effects, laws)
_TABLE: dict[str, tuple[str, tuple[float, float], dict[str, float], dict[str, Law]]] = {
    "kick_808": ("kick", (0.8, 2.4), {"distorted": 0.25, "tape": 0.05, "lo-fi": 0.03}, _KICK | {
        "decay_s": (0.5, 1.3), "sweep_ratio": (2.0, 5.0), "click": (0.02, 0.3), "curve": (0.9, 1.3)}),
    "kick_808_short": ("kick", (0.28, 0.6), {"distorted": 0.15, "tape": 0.05}, _KICK | {
        "decay_s": (0.14, 0.26), "sweep_ratio": (2.5, 6.0), "click": (0.02, 0.3)}),
    "kick_punchy": ("kick", (0.25, 0.5), _DRY, _KICK | {
        "pitch_hz": (44.0, 62.0), "decay_s": (0.12, 0.24), "curve": (1.4, 2.4), "sweep_ratio": (5.0, 14.0)}),
    "kick_techno": ("kick", (0.3, 0.7), {"distorted": 0.45, "reverb": 0.2, "tape": 0.05}, _KICK | {
        "pitch_hz": (42.0, 56.0), "decay_s": (0.15, 0.35), "sweep_ratio": (4.0, 9.0)}),
    "kick_acoustic": ("kick", (0.25, 0.6), {"reverb": 0.25, "tape": 0.08}, _KICK | {
        "pitch_hz": (52.0, 78.0), "decay_s": (0.09, 0.2), "curve": (1.0, 1.3), "sweep_ratio": (1.4, 2.4),
        "sweep_s": (0.01, 0.03), "second": (0.1, 0.4), "skin": (0.3, 1.0), "click": (0.3, 1.2),
        "click_hz": (2000.0, 4500.0)}),
    "tom": ("kick", (0.35, 0.9), _EFFECTS, _KICK | {
        "pitch_hz": (70.0, 230.0), "decay_s": (0.15, 0.4), "curve": (0.9, 1.2), "sweep_ratio": (1.2, 1.8),
        "sweep_s": (0.03, 0.1), "second": (0.05, 0.35), "skin": (0.1, 0.6), "click": (0.1, 0.5)}),
    "conga": ("kick", (0.2, 0.5), _EFFECTS, _KICK | {
        "pitch_hz": (170.0, 420.0), "decay_s": (0.06, 0.18), "curve": (0.9, 1.2), "sweep_ratio": (1.05, 1.25),
        "sweep_s": (0.01, 0.03), "second": (0.2, 0.5), "skin": (0.1, 0.4), "click": (0.2, 0.8),
        "click_hz": (800.0, 2500.0)}),
    "zap_drum": ("kick", (0.15, 0.5), _DRY, _KICK | {
        "pitch_hz": (60.0, 160.0), "decay_s": (0.05, 0.18), "sweep_ratio": (12.0, 40.0), "sweep_s": (0.02, 0.08)}),
    "snare": ("snare", (0.2, 0.5), _EFFECTS, {
        "pitch_hz": (150.0, 240.0), "sweep_s": (0.01, 0.04), "body_s": (0.04, 0.11), "body": (0.4, 1.1),
        "noise_s": (0.05, 0.14), "noise_hz": (700.0, 2500.0), "top_hz": (9000.0, 19000.0), "wires": (0.25, 0.6)}),
    "snare_trap": ("snare", (0.15, 0.4), _DRY, {
        "pitch_hz": (190.0, 320.0), "sweep_s": (0.005, 0.02), "body_s": (0.025, 0.06), "body": (0.5, 1.1),
        "noise_s": (0.035, 0.09), "noise_hz": (1800.0, 4000.0), "top_hz": (12000.0, 20000.0), "wires": (0.4, 0.8)}),
    "snare_soft": ("snare", (0.2, 0.45), {"tape": 0.3, "reverb": 0.2, "lo-fi": 0.1}, {
        "pitch_hz": (140.0, 210.0), "sweep_s": (0.01, 0.03), "body_s": (0.04, 0.08), "body": (0.5, 1.0),
        "noise_s": (0.04, 0.1), "noise_hz": (500.0, 1400.0), "top_hz": (3000.0, 7000.0), "wires": (0.2, 0.4)}),
    "clap": ("clap", (0.2, 0.6), _EFFECTS, {
        "gap_s": (0.007, 0.013), "burst_s": (0.003, 0.006), "tail_s": (0.03, 0.12), "wide": (0.0, 0.8),
        "centre_hz": (900.0, 1900.0), "q": (0.8, 2.0), "top_hz": (6000.0, 18000.0)}),
    "snap": ("clap", (0.12, 0.35), {"reverb": 0.35}, {
        "gap_s": (0.003, 0.006), "burst_s": (0.001, 0.003), "tail_s": (0.008, 0.025), "wide": (0.0, 0.3),
        "centre_hz": (1900.0, 3200.0), "q": (1.5, 3.5), "top_hz": (9000.0, 18000.0)}),
    "hat_closed": ("metal", (0.06, 0.2), _DRY, _METAL | {
        "decay_s": (0.015, 0.06), "choke_s": (0.05, 0.15)}),
    "hat_open": ("metal", (0.3, 0.9), _DRY, _METAL | {
        "decay_s": (0.12, 0.4), "choke_s": (0.25, 0.8)}),
    "hat_pedal": ("metal", (0.08, 0.2), _DRY, _METAL | {
        "decay_s": (0.02, 0.05), "choke_s": (0.06, 0.12), "cut_hz": (2500.0, 5000.0), "attack_s": (0.004, 0.012)}),
    "crash": ("metal", (1.2, 3.2), {"reverb": 0.25, "tape": 0.05}, _METAL | {
        "decay_s": (0.5, 1.3), "choke_s": 20.0, "cut_hz": (400.0, 1600.0), "wide": (0.2, 0.9), "attack_s": (0.001, 0.006)}),
    "ride": ("metal", (0.8, 2.5), {"reverb": 0.15, "tape": 0.05}, _METAL | {
        "decay_s": (0.4, 1.1), "choke_s": 20.0, "cut_hz": (700.0, 2500.0), "bell": (0.2, 1.2),
        "bell_hz": (800.0, 1700.0), "hiss": (0.1, 0.5), "wide": (0.1, 0.5)}),
    "splash": ("metal", (0.4, 1.0), {"reverb": 0.2}, _METAL | {
        "decay_s": (0.15, 0.35), "choke_s": 20.0, "cut_hz": (1500.0, 3500.0), "wide": (0.2, 0.8)}),
    "reverse_cymbal": ("metal", (1.0, 3.0), {"reverb": 0.1}, _METAL | {
        "decay_s": (0.4, 1.0), "choke_s": 20.0, "cut_hz": (500.0, 2500.0), "wide": (0.2, 0.9), "reverse": 1.0}),
    "rimshot": ("struck", (0.08, 0.25), _EFFECTS, _NO_MODES | _modes(
        (1.0, 1.0), (1.78, 0.8), (3.6, 0.5), (5.3, 0.3)) | {
        "pitch_hz": (420.0, 800.0), "decay_s": (0.008, 0.03), "damping": 0.4, "tick": (0.5, 1.5)}),
    "woodblock": ("struck", (0.1, 0.3), _EFFECTS, _NO_MODES | _modes((1.0, 1.0), (2.7, 0.4), (4.9, 0.15)) | {
        "pitch_hz": (600.0, 1500.0), "decay_s": (0.015, 0.05)}),
    "claves": ("struck", (0.1, 0.3), _EFFECTS, _NO_MODES | _modes((1.0, 1.0), (2.9, 0.12)) | {
        "pitch_hz": (1900.0, 3200.0), "decay_s": (0.02, 0.06)}),
    "cowbell": ("struck", (0.25, 0.7), _EFFECTS, _NO_MODES | _modes(
        (1.0, 1.0), (1.48, 0.9), (3.0, 0.3), (4.44, 0.25), (5.0, 0.15)) | {
        "pitch_hz": (480.0, 720.0), "decay_s": (0.06, 0.22), "damping": 0.3}),
    "agogo": ("struck", (0.3, 0.8), _EFFECTS, _NO_MODES | _modes(
        (1.0, 1.0), (2.4, 0.5), (3.9, 0.35), (5.6, 0.2)) | {"pitch_hz": (650.0, 1300.0), "decay_s": (0.1, 0.25)}),
    "triangle_perc": ("struck", (0.6, 2.0), {"reverb": 0.2}, _NO_MODES | _modes(
        (1.0, 0.5), (1.58, 0.7), (2.33, 1.0), (3.12, 0.7), (4.2, 0.5)) | {
        "pitch_hz": (1500.0, 2600.0), "decay_s": (0.6, 1.6), "damping": 0.3}),
    "tabla": ("struck", (0.25, 0.8), _EFFECTS, _NO_MODES | _modes(
        (1.0, 1.0), (2.0, 0.6), (3.0, 0.4), (4.0, 0.25), (5.03, 0.15)) | {
        "pitch_hz": (180.0, 380.0), "decay_s": (0.1, 0.35), "tick": (0.3, 0.9), "tick_hz": (900.0, 3000.0)}),
    "bongo": ("struck", (0.12, 0.35), _EFFECTS, _NO_MODES | _modes(
        (1.0, 1.0), (1.59, 0.6), (2.14, 0.4), (2.65, 0.25)) | {
        "pitch_hz": (260.0, 560.0), "decay_s": (0.04, 0.11), "tick": (0.3, 0.8), "tick_hz": (1200.0, 3500.0)}),
    "metal_perc": ("struck", (0.2, 0.9), _EFFECTS, _NO_MODES | _modes(
        (1.0, 1.0), (1.47, 0.8), (2.09, 0.7), (2.56, 0.6), (3.93, 0.5)) | {
        "pitch_hz": (300.0, 1600.0), "decay_s": (0.06, 0.3), "damping": 0.3, "tick": (0.3, 1.0)}),
    "click_perc": ("struck", (0.06, 0.15), _DRY, _NO_MODES | _modes((1.0, 1.0), (2.3, 0.5)) | {
        "pitch_hz": (900.0, 4000.0), "decay_s": (0.003, 0.012), "tick": (0.5, 1.5)}),
    "shaker": ("shaken", (0.08, 0.3), _DRY, {
        "attack_s": (0.015, 0.06), "decay_s": (0.02, 0.06), "sparse": (1.0, 2.2), "centre_hz": (4500.0, 9000.0),
        "q": (0.7, 2.0), "jingle": 0.0, "jingle_hz": 5000.0}),
    "maraca": ("shaken", (0.06, 0.15), _DRY, {
        "attack_s": (0.002, 0.012), "decay_s": (0.012, 0.03), "sparse": (1.5, 2.6), "centre_hz": (5000.0, 10000.0),
        "q": (0.8, 2.0), "jingle": 0.0, "jingle_hz": 5000.0}),
    "tambourine": ("shaken", (0.2, 0.6), _EFFECTS, {
        "attack_s": (0.001, 0.01), "decay_s": (0.03, 0.12), "sparse": (1.2, 2.4), "centre_hz": (6000.0, 10000.0),
        "q": (0.7, 1.5), "jingle": (0.3, 1.0), "jingle_hz": (4000.0, 7000.0), "jingle_s": (0.05, 0.2)}),
    "sleigh_bells": ("shaken", (0.4, 1.0), {"reverb": 0.2}, {
        "attack_s": (0.005, 0.02), "decay_s": (0.08, 0.2), "sparse": (1.5, 2.5), "centre_hz": (7000.0, 11000.0),
        "q": (0.7, 1.5), "jingle": (1.0, 2.5), "jingle_hz": (3500.0, 6000.0), "jingle_s": (0.15, 0.4)}),
}


def _draw(name: str, seed: int) -> Patch:
    renderer, seconds, effects, laws = _TABLE[name]
    dice = Dice(zlib.crc32(name.encode()), seed)
    values = draw_laws(dice, laws)
    facts: dict[str, object] = {"instrument": name}
    if name.startswith("kick_808"):
        midi = dice.integer(26, 37)
        values["pitch_hz"] = midi_to_hz(midi)
        facts |= {"note": note_name(midi), "midi": midi}
    length = draw_law(dice, seconds)
    return one_shot(name, renderer, seed, dice, length, values, group="drum", effects=effects, facts=facts)


DRUM_FAMILIES = tuple(Family(name, "drum", partial(_draw, name)) for name in _TABLE)
