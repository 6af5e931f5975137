"""The table's rows of clock, master and device."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import Panic
from daw_bridge.table_rows import GAIN, Access, Row

MASTER: tuple[Row, ...] = (
    Row(
        "/tempo",
        Access.VALUE,
        "Tempo of the internal clock, which decides where beats and bars begin.",
        (Argument("tempo", Kind.FLOAT, "bpm", low=20.0, high=999.0, default=120.0),),
        shows="tempo_bpm",
    ),
    Row(
        "/quantize",
        Access.VALUE,
        "When a play or a swap takes effect.",
        (Argument("point", Kind.STRING, choices=("none", "beat", "bar"), default="none"),),
    ),
    Row(
        "/panic",
        Access.ACTION,
        "Everything silent within 50 ms. What is being generated is still made, but not played.",
        make=Panic,
        reply="/done, once it is silent",
        ignores_zero=True,
    ),
    Row(
        "/master/gain",
        Access.VALUE,
        "Level of everything, ramped.",
        (GAIN,),
        shows="master_gain_db",
    ),
    Row(
        "/xruns",
        Access.VALUE,
        "Breaks of the sound that the audio device has told of; 0 begins to count anew.",
        (Argument("xruns", Kind.INT, low=0, high=0, default=0),),
        is_kept=False,
    ),
)
