"""The laws of textures and transitions: one table row a family. The sounds are made in ``textures``."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import partial

from training.corpus.families import Family, Law, draw_law, draw_laws, one_shot
from training.corpus.patch import NOTE_NAMES, Dice, Note, Patch, note_name


@dataclass(frozen=True, slots=True)
class Texture:
    """One row of the table."""

    group: str
    renderer: str
    seconds: tuple[float, float]
    laws: dict[str, Law]
    effects: dict[str, float] = field(default_factory=dict)
    midi: tuple[int, int] | None = None


_GRAINS: dict[str, Law] = {
    "rarity": (2.8, 3.6), "tick_hz": (2000.0, 6000.0), "tick_q": (0.7, 2.0), "ticks": 1.0, "bed": (0.1, 0.4),
    "low_hz": (400.0, 1500.0), "top_hz": (6000.0, 14000.0), "gust": (0.0, 0.2), "gust_hz": (0.1, 0.5), "wide": (0.5, 1.0),
    "fade_in_s": (0.02, 0.3), "fade_out_s": (0.05, 0.5), "hum_hz": 50.0,
}
_GUSTS: dict[str, Law] = {
    "centre_hz": (300.0, 900.0), "wander": (0.5, 1.2), "q": (2.0, 8.0), "floor": (0.1, 0.5), "floor_hz": (200.0, 700.0),
    "low_hz": (40.0, 120.0), "gust": (0.3, 0.8), "gust_hz": (0.15, 0.6), "wide": (0.4, 1.0), "fade_in_s": (0.1, 0.6),
    "fade_out_s": (0.2, 0.8),
}
_DRONE: dict[str, Law] = {
    "detune_cents": (4.0, 18.0), "saws": (0.0, 1.0), "noise": (0.0, 0.05), "centre_hz": (200.0, 900.0),
    "wander": (0.3, 1.2), "gust_hz": (0.08, 0.4), "q": (0.7, 2.0), "wide": (0.4, 1.0), "fade_in_s": (0.2, 1.5), "fade_out_s": (0.3, 1.5),
}
_GLIDE: dict[str, Law] = {
    "start_hz": (80.0, 200.0), "end_hz": (600.0, 2500.0), "curve": (0.8, 2.0), "wobble": 0.0, "wobble_hz": 6.0,
    "speed_up": 0.0, "saws": (0.3, 1.0), "detune_cents": (5.0, 25.0), "wide": (0.2, 0.9), "tone": (0.3, 1.0),
    "noise": (0.2, 0.8), "noise_start_hz": (300.0, 800.0), "noise_end_hz": (5000.0, 12000.0), "q": (0.8, 3.0),
    "gate": 0.0, "gate_hz": 8.0, "swell": (0.8, 2.2), "fall_s": 0.0, "bell": 0.0, "fade_in_s": 0.005, "fade_out_s": 0.02,
}
_SHORT: dict[str, Law] = _GLIDE | {
    "tone": 1.0, "noise": 0.0, "swell": 0.0001, "wide": 0.0, "detune_cents": 0.1, "fade_in_s": 0.001, "saws": (0.0, 1.0),
}
_BURST: dict[str, Law] = {
    "pitch_hz": (30.0, 55.0), "sweep_ratio": (2.0, 5.0), "sweep_s": (0.03, 0.12), "boom": (0.7, 1.2), "boom_s": (0.4, 1.0),
    "attack_s": (0.001, 0.004), "noise_hz": (2000.0, 8000.0), "noise_end_hz": (120.0, 400.0), "close_s": (0.1, 0.5),
    "cloud": (0.4, 1.0), "cloud_s": (0.3, 1.0), "q": (0.6, 0.9), "rumble": (0.0, 0.4), "rumble_hz": (3.0, 9.0),
    "crack": (0.2, 0.8), "crack_s": (0.004, 0.02), "drive": (0.8, 2.5), "wide": (0.3, 1.0), "fade_in_s": 0.0005, "fade_out_s": 0.1,
}
_FX = {"reverb": 0.3, "distorted": 0.08, "delay": 0.08, "lo-fi": 0.05}

TEXTURES: dict[str, Texture] = {
    "rain": Texture("texture", "grains", (2.0, 6.0), _GRAINS | {"rarity": (2.2, 3.0)}, {"reverb": 0.1, "tape": 0.1}),
    "vinyl_crackle": Texture("texture", "grains", (1.5, 6.0), _GRAINS | {
        "rarity": (3.6, 4.2), "tick_hz": (1200.0, 4000.0), "bed": (0.02, 0.08), "top_hz": (3000.0, 7000.0), "hum": (0.0, 0.01),
        "wide": (0.2, 0.6)}, {"tape": 0.3}),
    "fire": Texture("texture", "grains", (2.0, 6.0), _GRAINS | {
        "rarity": (3.3, 3.9), "tick_hz": (700.0, 3000.0), "tick_q": (1.0, 4.0), "low_hz": (60.0, 150.0),
        "top_hz": (500.0, 1500.0), "bed": (0.2, 0.5), "gust": (0.2, 0.5), "gust_hz": (0.5, 3.0)}),
    "static_noise": Texture("texture", "grains", (0.6, 4.0), _GRAINS | {
        "ticks": (0.0, 0.4), "bed": 1.0, "low_hz": (20.0, 2000.0), "top_hz": (3000.0, 20000.0), "gust": 0.0}, {"lo-fi": 0.2}),
    "wind": Texture("texture", "gusts", (2.5, 7.0), _GUSTS, {"reverb": 0.1}),
    "sea_waves": Texture("texture", "gusts", (3.0, 7.0), _GUSTS | {
        "q": (0.5, 0.9), "centre_hz": (500.0, 1500.0), "gust": (0.7, 0.95), "gust_hz": (0.12, 0.3)}),
    "room_tone": Texture("texture", "gusts", (2.0, 6.0), _GUSTS | {
        "q": (0.5, 0.7), "centre_hz": (150.0, 400.0), "wander": 0.1, "gust": (0.0, 0.15), "floor": (0.6, 1.2)}, {"tape": 0.2}),
    "steam": Texture("texture", "gusts", (0.8, 3.0), _GUSTS | {
        "q": (0.6, 1.5), "centre_hz": (4000.0, 8000.0), "floor": 0.05, "gust": (0.0, 0.3), "low_hz": 200.0}),
    "drone_dark": Texture("texture", "drone", (3.0, 7.5), _DRONE | {"centre_hz": (120.0, 400.0)},
        {"reverb": 0.4, "distorted": 0.1, "tape": 0.1}, (24, 43)),
    "drone_bright": Texture("texture", "drone", (3.0, 7.5), _DRONE | {"centre_hz": (900.0, 3000.0), "saws": (0.5, 1.0)},
        {"reverb": 0.5, "tape": 0.05}, (36, 55)),
    "riser": Texture("effect", "glide", (1.5, 6.0), _GLIDE, _FX),
    "noise_riser": Texture("effect", "glide", (1.5, 6.0), _GLIDE | {"tone": 0.0, "noise": 1.0}, _FX),
    "gated_riser": Texture("effect", "glide", (2.0, 5.0), _GLIDE | {"gate": (0.6, 1.0), "gate_hz": (4.0, 8.0)}, _FX),
    "downlifter": Texture("effect", "glide", (1.5, 5.0), _GLIDE | {
        "start_hz": (800.0, 2500.0), "end_hz": (50.0, 120.0), "noise_start_hz": (6000.0, 12000.0),
        "noise_end_hz": (150.0, 500.0), "swell": 0.0001, "bell": (0.8, 2.0)}, _FX | {"reverb": 0.5}),
    "whoosh": Texture("effect", "glide", (0.5, 1.8), _GLIDE | {
        "tone": 0.0, "noise": 1.0, "swell": (1.0, 2.5), "bell": (0.8, 2.0), "noise_start_hz": (300.0, 900.0),
        "noise_end_hz": (1500.0, 8000.0), "q": (0.8, 2.0)}, {"reverb": 0.25}),
    "laser": Texture("effect", "glide", (0.12, 0.6), _SHORT | {
        "start_hz": (2000.0, 7000.0), "end_hz": (80.0, 400.0), "curve": (0.3, 0.8), "fall_s": (0.06, 0.25)}, _FX),
    "zap": Texture("effect", "glide", (0.06, 0.3), _SHORT | {
        "start_hz": (4000.0, 12000.0), "end_hz": (60.0, 200.0), "curve": (0.2, 0.5), "fall_s": (0.03, 0.1)}, _FX),
    "blip": Texture("effect", "glide", (0.06, 0.25), _SHORT | {
        "start_hz": (400.0, 1600.0), "end_hz": (500.0, 3000.0), "fall_s": (0.03, 0.12), "saws": (0.0, 0.3)}, _FX),
    "siren": Texture("effect", "glide", (1.5, 5.0), _SHORT | {
        "start_hz": (500.0, 900.0), "end_hz": (500.0, 900.0), "wobble": (0.3, 0.8), "wobble_hz": (0.4, 4.0), "wide": (0.0, 0.5),
        "detune_cents": 4.0}, _FX | {"delay": 0.3}),
    "alarm": Texture("effect", "glide", (0.8, 3.0), _SHORT | {
        "start_hz": (700.0, 1800.0), "end_hz": (700.0, 1800.0), "gate": 1.0, "gate_hz": (1.5, 5.0)}, _FX),
    "impact": Texture("effect", "burst", (1.0, 3.0), _BURST, {"reverb": 0.6, "distorted": 0.1}),
    "boom": Texture("effect", "burst", (1.0, 3.0), _BURST | {"cloud": (0.1, 0.3), "crack": 0.0, "boom_s": (0.6, 1.4)},
        {"reverb": 0.3, "distorted": 0.2}),
    "explosion": Texture("effect", "burst", (1.2, 4.0), _BURST | {
        "cloud": (1.5, 3.0), "cloud_s": (0.5, 1.3), "rumble": (0.4, 0.9), "drive": (2.0, 5.0)}, {"reverb": 0.3}),
    "thunder": Texture("effect", "burst", (2.5, 6.0), _BURST | {
        "boom": 0.1, "cloud": 1.5, "cloud_s": (1.0, 2.2), "rumble": (0.8, 1.0), "rumble_hz": (1.5, 5.0),
        "noise_hz": (800.0, 3000.0), "noise_end_hz": (90.0, 200.0), "attack_s": (0.005, 0.2)}, {"reverb": 0.5}),
    "gunshot": Texture("effect", "burst", (0.4, 1.2), _BURST | {
        "boom": 0.3, "boom_s": 0.06, "cloud": 1.5, "cloud_s": (0.05, 0.15), "crack": (1.5, 3.0), "drive": (2.0, 5.0),
        "noise_hz": (6000.0, 14000.0)}, {"reverb": 0.7}),
    "door_slam": Texture("effect", "burst", (0.4, 1.0), _BURST | {
        "pitch_hz": (60.0, 120.0), "boom_s": (0.05, 0.12), "cloud": (0.6, 1.2), "cloud_s": (0.05, 0.12), "crack": (0.3, 0.8),
        "noise_hz": (1500.0, 4000.0)}, {"reverb": 0.5}),
}


def _draw(name: str, seed: int) -> Patch:
    row = TEXTURES[name]
    dice = Dice(zlib.crc32(name.encode()), seed)
    values = draw_laws(dice, row.laws)
    seconds = draw_law(dice, row.seconds)
    facts: dict[str, object] = {"instrument": name}
    note = None
    if row.midi is not None:
        midi = dice.integer(*row.midi)
        note = Note(0, round(seconds * 44_100), (float(midi),))
        mode = dice.choice(("major", "minor"))
        facts |= {"note": note_name(midi), "midi": midi, "key": f"{NOTE_NAMES[midi % 12]} {mode}"}
    return one_shot(
        name, row.renderer, seed, dice, seconds, values, group=row.group, effects=row.effects, note=note, facts=facts
    )


TEXTURE_FAMILIES = tuple(Family(n, t.group, partial(_draw, n)) for n, t in TEXTURES.items())
