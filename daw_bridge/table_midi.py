"""The table's rows of MIDI."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import Forget, Learn
from daw_bridge.table_rows import ADDRESS, SWITCH, Access, Row

_ALSO_BY_HAND = "Also heard is whoever connects to our own port."

MIDI: tuple[Row, ...] = (
    Row(
        "/midi/in",
        Access.VALUE,
        "Hear the MIDI inputs whose names contain this text, also those plugged in later; all "
        "means every one of the machine's own, and nothing none. At the start it is the setting "
        "midi_in, which is all where nothing else was set. " + _ALSO_BY_HAND,
        (Argument("port", Kind.STRING, default=""),),
        shows="midi_in",
        is_kept=False,
    ),
    Row(
        "/midi/ports",
        Access.READ,
        "The MIDI inputs that there are, a line each; * stands before those that are heard.",
        (Argument("ports", Kind.STRING, default=""),),
        shows="midi_ports",
    ),
    Row(
        "/midi/clock",
        Access.VALUE,
        "Send MIDI clock, start, continue, stop and song position from our own output.",
        (SWITCH,),
        shows="midi_clock",
        is_kept=False,
    ),
    Row(
        "/midi/learn",
        Access.ACTION,
        "The next controller that is moved moves this address from then on, over its range. It "
        "takes hold where it meets the value (soft take-over). A full address: a number, a "
        "switch, a choice or a trigger.",
        (ADDRESS,),
        Learn,
        reply="/done s:address i:id i:channel i:controller, once a controller has moved",
    ),
    Row(
        "/midi/forget",
        Access.ACTION,
        "Take the controllers from an address.",
        (ADDRESS,),
        Forget,
    ),
    Row(
        "/midi/map",
        Access.READ,
        "What controllers move, a line each: channel, controller, path below the root.",
        (Argument("map", Kind.STRING, default=""),),
        shows="midi_map",
    ),
)
