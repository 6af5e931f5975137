"""The table's rows of master and device."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import Panic
from daw_bridge.table_rows import GAIN, Access, Row

MASTER: tuple[Row, ...] = (
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
