"""Musical keys: their one spelling, how musicians write them, and their number for the model.

References:
    Key indices: 0 is "no key", 1 to 12 are C to B major, 13 to 24 are C to B minor.
"""

from generator.errors import RequestError

_MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
KEYS = tuple(f"{tonic} major" for tonic in _MAJOR) + tuple(f"{tonic} minor" for tonic in _MINOR)
_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_MODES = {"": 0, "maj": 0, "major": 0, "m": 12, "min": 12, "minor": 12, "-": 12}


def parse_key(text: str) -> str:
    """Read a key as a musician writes it.

    Args:
        text: A tonic A to G, an optional sharp or flat, and an optional mode: "F#m", "Bb",
            "c major", "E♭ min".

    Returns:
        The one spelling in KEYS that names the same key.

    Raises:
        RequestError: The text is no major or minor key.
    """
    plain = text.replace("♯", "#").replace("♭", "b").strip()
    tonic = _PITCH_CLASSES.get(plain[:1].upper())
    accidental = plain[1:2] if plain[1:2] in {"#", "b"} else ""
    mode_text = plain[1 + len(accidental) :].strip()
    mode = _MODES.get("maj" if mode_text == "M" else mode_text.lower())
    if tonic is None or mode is None:
        raise RequestError(
            f"The key {text[:40]!r} is not one I know. Write a tonic from A to G with an optional "
            'sharp or flat and an optional mode, such as "F#m", "Bb" or "C major".'
        )
    return KEYS[mode + (tonic + _ACCIDENTALS[accidental]) % 12]


def key_index(key: str | None) -> int:
    """Number a key for the model.

    Args:
        key: A key as `parse_key` reads it, or None.

    Returns:
        0 for None, 1 to 12 for C to B major, 13 to 24 for C to B minor.
    """
    return 0 if key is None else KEYS.index(parse_key(key)) + 1
