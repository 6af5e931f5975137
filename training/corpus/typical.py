"""Typical brightness of each family, measured once over drawn clips: what "bright" and "dark" are against.

A table; ``captions`` reads it. Knows no sound.
"""

TYPICAL_CENTROID_HZ: dict[str, int] = {
    "kick_808": 82, "kick_acoustic": 314, "tom": 357, "kick_808_short": 102, "kick_techno": 190,
    "zap_drum": 944, "conga": 882, "kick_punchy": 161, "snare": 8220, "snare_trap": 9670, "snare_soft": 4280,
    "clap": 6320, "snap": 8180, "hat_closed": 11400, "hat_pedal": 9960, "hat_open": 11200, "splash": 8940,
    "ride": 6990, "crash": 8440, "reverse_cymbal": 8310, "rimshot": 2670, "woodblock": 1920, "bongo": 1280,
    "click_perc": 6740, "claves": 3590, "triangle_perc": 4740, "agogo": 2040, "cowbell": 1170,
    "metal_perc": 1620, "tabla": 514, "shaker": 10700, "tambourine": 11400, "maraca": 10600,
    "sleigh_bells": 11600, "bass_sub": 147, "lead_whistle": 3720, "bass_808": 69, "bass_saw": 314,
    "bass_acid": 961, "lead_saw": 6120, "bass_square": 415, "lead_square": 5880, "pluck_synth": 1290,
    "bass_wobble": 534, "bass_reese": 311, "bass_fm": 377, "bell_fm": 2370, "lead_fm": 1350,
    "electric_piano": 1020, "bass_pluck": 675, "clav": 4100, "pluck_string": 2760, "harp": 1350,
    "muted_pluck": 1570, "harpsichord": 5160, "koto": 3610, "synth_brass": 1040, "lead_supersaw": 3440,
    "lead_chip": 2360, "stab": 1600, "pad_warm": 757, "pad_sweep": 1510, "pad_dark": 135, "pad_bright": 2770,
    "string_machine": 2960, "choir": 1980, "glass_pad": 2360, "tape_strings": 2110, "guitar_nylon": 1010,
    "organ": 1170, "piano_toy": 1540, "bell_tubular": 540, "bell_church": 535, "glockenspiel": 3210,
    "music_box": 1520, "glass_bell": 1790, "singing_bowl": 460, "marimba": 624, "xylophone": 1780,
    "vibraphone": 540, "kalimba": 1000, "steel_drum": 1530, "gong": 257, "rain": 8650, "vinyl_crackle": 7390,
    "static_noise": 7180, "fire": 4440, "wind": 3400, "sea_waves": 6160, "room_tone": 2760, "steam": 9450,
    "drone_dark": 229, "drone_bright": 1300, "riser": 8190, "noise_riser": 8400, "alarm": 5030,
    "gated_riser": 7140, "downlifter": 7220, "siren": 5290, "whoosh": 5790, "laser": 5080, "blip": 2330,
    "zap": 5030, "impact": 2560, "door_slam": 2440, "boom": 1100, "explosion": 3610, "gunshot": 7270,
    "thunder": 2440, "drum_loop": 4710, "beat_simple": 2140, "kick_loop": 623, "percussion_loop": 9960,
    "melody_struck_loop": 3350, "hat_loop": 10600, "arp_struck_loop": 3480, "bass_loop": 224,
    "acid_loop": 540, "arp_loop": 2770, "chord_loop": 2640, "pad_loop": 918, "melody_loop": 3680,
}  # fmt: skip
