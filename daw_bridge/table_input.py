"""The table's rows of the audio input."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import AskInputs
from daw_bridge.table_rows import Access, Row

INPUT: tuple[Row, ...] = (
    Row(
        "/input",
        Access.VALUE,
        "What is listened to, so that takes may begin from it (/slot/N/init). It is chosen by "
        'its name, or a part of it, of /input/list; "default" is one too, and "" is none. One that '
        "cannot be opened changes nothing. At the start it is the one that was chosen last, or "
        "else the setting input.",
        (
            Argument("name", Kind.STRING, default=""),
            Argument("hostapi", Kind.STRING, default="", is_optional=True),
        ),
        reply="/done s:address i:id s:name s:hostapi f:latency_ms",
        is_kept=False,
    ),
    Row(
        "/input/list",
        Access.ACTION,
        "The inputs that there are now. They come on this address, a message each; the last value "
        "tells which is in use.",
        make=AskInputs,
        reply="s:name s:hostapi i:channels T:on for each, then /done s:address i:id i:count",
        ignores_zero=True,
    ),
    Row(
        "/input/meter",
        Access.STREAM,
        "Peaks and loudness of what comes in, 25 times a second while an input is open.",
        tuple(
            Argument(name, Kind.FLOAT, "dBFS") for name in ("peak_l", "peak_r", "rms_l", "rms_r")
        ),
    ),
)
