"""The table's rows of tempo, transport and bars."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import (
    ContinueTransport,
    HearBeat,
    StartTransport,
    StopTransport,
    Tap,
)
from daw_bridge.table_rows import Access, Row
from generator.api import MAX_BEATS_PER_BAR, MAX_TEMPO_BPM, MIN_TEMPO_BPM

_TEMPO = Argument("tempo", Kind.FLOAT, "bpm", low=MIN_TEMPO_BPM, high=MAX_TEMPO_BPM, default=120.0)
_FOLLOWED = "Refused while the transport follows another clock."

CLOCK: tuple[Row, ...] = (
    Row(
        "/tempo",
        Access.VALUE,
        "Quarter notes in a minute. While another clock is followed, its tempo as heard; it can "
        "then not be set, save with Link.",
        (_TEMPO,),
        shows="tempo_bpm",
    ),
    Row(
        "/tempo/source",
        Access.VALUE,
        "Whose time it is: our own, Ableton Link, MIDI clock, the JACK transport, or the beats "
        "that come on /tempo/beat.",
        (
            Argument(
                "source",
                Kind.STRING,
                choices=("internal", "link", "midi", "jack", "osc"),
                default="internal",
            ),
        ),
        shows="tempo_source",
        is_kept=False,
    ),
    Row(
        "/tempo/tap",
        Access.ACTION,
        "Tap the beat: from the second tap on the tempo follows. " + _FOLLOWED,
        make=Tap,
        ignores_zero=True,
    ),
    Row(
        "/tempo/nudge",
        Access.VALUE,
        "Faster or slower for as long as it is not 0, to slide the beat into place.",
        (Argument("nudge", Kind.FLOAT, "%", low=-50.0, high=50.0, default=0.0),),
        shows="nudge_pct",
        is_kept=False,
    ),
    Row(
        "/tempo/beat",
        Access.ACTION,
        "A beat of another program's clock is now, or at the bundle's time; obeyed where the "
        "source is osc. Beats are quarter notes from 0, one message for each.",
        (
            Argument("beat", Kind.DOUBLE, "quarters", low=0.0, high=1e9),
            Argument(
                "tempo_bpm",
                Kind.FLOAT,
                "bpm",
                low=MIN_TEMPO_BPM,
                high=MAX_TEMPO_BPM,
                is_optional=True,
            ),
        ),
        HearBeat,
    ),
    Row(
        "/transport/play",
        Access.ACTION,
        "The first bar begins. What loops begins with it, also what the last stop silenced. "
        + _FOLLOWED,
        make=StartTransport,
        reply="1 while time runs",
        shows="is_playing",
        ignores_zero=True,
    ),
    Row(
        "/transport/stop",
        Access.ACTION,
        "Time stands, and all that sounds fades out. A play while it stands begins at once. "
        + _FOLLOWED,
        make=StopTransport,
        reply="1 while time stands",
        shows="is_stopped",
        ignores_zero=True,
    ),
    Row(
        "/transport/continue",
        Access.ACTION,
        "Time goes on from where it stands; the loops that the stop silenced begin at the "
        "quantise point. " + _FOLLOWED,
        make=ContinueTransport,
        ignores_zero=True,
    ),
    Row(
        "/signature",
        Access.VALUE,
        "Time signature; the bar that runs begins where it began. The tempo counts quarter notes "
        "in every signature.",
        (
            Argument("numerator", Kind.INT, low=1, high=MAX_BEATS_PER_BAR, default=4),
            Argument("denominator", Kind.INT, "1, 2, 4, 8 or 16", low=1, high=16, default=4),
        ),
    ),
    Row(
        "/quantize",
        Access.VALUE,
        "When a play, a swap or a stop takes effect. loop is the end of what loops in the slot, "
        "and a bar where nothing does.",
        (
            Argument(
                "point",
                Kind.STRING,
                choices=("none", "beat", "bar", "2bars", "4bars", "loop"),
                default="none",
            ),
        ),
    ),
    Row(
        "/beat",
        Access.STREAM,
        "Each beat of the signature as it falls; bars and beats are counted from 1.",
        (
            Argument("bar", Kind.INT),
            Argument("beat", Kind.INT),
            Argument("tempo", Kind.FLOAT, "bpm"),
        ),
    ),
)
