"""The note that words name, as musicians write it: "saw lead, F#4".

Knows nothing of keys, which are asked for by themselves, and nothing of sound.
"""

import re

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_HIGHEST = 127
# "C7 chord" is a chord.
_NOTE = re.compile(r"(?<![\w#])([A-G])([#b]?)(-1|\d)(?![\w#])(?!\s*chord)", re.IGNORECASE)


def note_number(*texts: str) -> int:
    """Find the first note that texts name.

    Args:
        *texts: Words. C4 is the middle C.

    Returns:
        Its MIDI number, 0 for none.

    >>> note_number("saw lead, C4"), note_number("deep Bb1 808"), note_number("808, C 7 chord")
    (60, 34, 0)
    """
    for text in texts:
        for found in _NOTE.finditer(text.replace("♯", "#").replace("♭", "b")):
            tonic, accidental, octave = found.groups()
            semitone = _SEMITONES[tonic.upper()] + _ACCIDENTALS[accidental.lower()]
            midi = semitone + 12 * (int(octave) + 1)
            if 0 < midi <= _HIGHEST:
                return midi
    return 0
