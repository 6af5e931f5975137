"""The table's rows of master and device."""

from dataclasses import replace

from daw_bridge.arguments import Argument, Kind
from daw_bridge.audio_commands import MAX_PAIRS
from daw_bridge.guard import CEILING_DBFS
from daw_bridge.requests import AskDevices, NoteOff, NoteOn, Panic
from daw_bridge.table_rows import GAIN, SWITCH, Access, Row

_NOTE = Argument("note", Kind.INT, low=0, high=127)
_VELOCITY = Argument("velocity", Kind.INT, low=0, high=127)
_CHANNEL = Argument("channel", Kind.INT, low=1, high=16, default=1, is_optional=True)

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
        "/master/mute",
        Access.VALUE,
        "Everything silent while it goes on, ramped.",
        (SWITCH,),
        shows="master_mute",
    ),
    Row(
        "/master/limiter",
        Access.VALUE,
        "Lower the gain of what is too loud; without it, peaks are cut off at full scale.",
        (replace(SWITCH, default=True),),
        shows="limiter",
    ),
    Row(
        "/master/limiter/ceiling",
        Access.VALUE,
        "The highest level that the limiter lets past.",
        (
            Argument(
                "ceiling", Kind.FLOAT, "dBFS", low=-24.0, high=CEILING_DBFS, default=CEILING_DBFS
            ),
        ),
        shows="ceiling_dbfs",
    ),
    Row(
        "/master/meter",
        Access.STREAM,
        "Peaks and loudness of what goes to the device, 25 times a second.",
        tuple(
            Argument(name, Kind.FLOAT, "dBFS") for name in ("peak_l", "peak_r", "rms_l", "rms_r")
        ),
    ),
    Row(
        "/morph/xy",
        Access.VALUE,
        "Weigh the prompts 1 to 4 of every slot that has several, by the place on a pad: 1 and 2 "
        "are its corners at the bottom, 3 and 4 those at the top.",
        (
            Argument("x", Kind.FLOAT, low=0.0, high=1.0, default=0.0),
            Argument("y", Kind.FLOAT, low=0.0, high=1.0, default=0.0),
        ),
        shows="morph_xy",
    ),
    Row(
        "/note/on",
        Access.ACTION,
        "A key was pressed. Channel n plays slot n, at the pitch of the note around the slot's "
        "root, several at a time; on channel 10, notes from 36 on play slots 1, 2, 3 … as they "
        "are. It begins at once, loops and streams at the quantise point. Velocity 0 lets go.",
        (_NOTE, _VELOCITY, _CHANNEL),
        NoteOn,
    ),
    Row(
        "/note/off",
        Access.ACTION,
        "A key was let go: what it plays ends, save in a one-shot.",
        (_NOTE, replace(_VELOCITY, is_optional=True, default=0), _CHANNEL),
        NoteOff,
    ),
    Row(
        "/device",
        Access.VALUE,
        "Where the sound goes. Another output is chosen by its name, or a part of it, of "
        '/device/list; "default" and "null" (silence) are names too. The old one sounds until the '
        "new one is open; one that cannot be opened changes nothing. At the start it is the one "
        "that was chosen last, or else the setting output.",
        (
            Argument("name", Kind.STRING),
            Argument("hostapi", Kind.STRING, default="", is_optional=True),
        ),
        reply="/done s:address i:id s:name s:hostapi f:buffer_ms f:latency_ms",
        is_kept=False,
    ),
    Row(
        "/device/list",
        Access.ACTION,
        "The outputs that there are now. They come on this address, a message each; the last "
        "value tells which is in use.",
        make=AskDevices,
        reply="s:name s:hostapi i:channels T:on for each, then /done s:address i:id i:count",
        ignores_zero=True,
    ),
    Row(
        "/device/buffer",
        Access.VALUE,
        "Length of a block of the output: shorter is quicker to answer, longer is safer. The "
        "output is closed and opened for it. JACK's is set in JACK.",
        (Argument("buffer", Kind.FLOAT, "ms", low=0.5, high=180.0),),
        reply="/done s:address i:id s:name s:hostapi f:buffer_ms f:latency_ms",
        shows="device_buffer_ms",
        is_kept=False,
    ),
    Row(
        "/device/latency",
        Access.READ,
        "From rendering to sounding, as the audio system says; 0 where it says nothing.",
        (Argument("latency", Kind.FLOAT, "ms"),),
        shows="device_latency_ms",
    ),
    Row(
        "/device/pairs",
        Access.READ,
        "How many stereo pairs slots may go to (/slot/N/out); the setting output_pairs at the "
        "start. What is for a pair that the device lacks is heard on pair 1.",
        (Argument("pairs", Kind.INT, low=1, high=MAX_PAIRS, default=1),),
        shows="output_pairs",
    ),
    Row(
        "/device/pairs/meter",
        Access.STREAM,
        "As /master/meter, of every pair that the device has: four values for each, pair 1 first.",
        (Argument("levels", Kind.FLOAT, "dBFS"),),
    ),
    Row(
        "/xruns",
        Access.VALUE,
        "Breaks of the sound that the audio device has told of; 0 begins to count anew.",
        (Argument("xruns", Kind.INT, low=0, high=0, default=0),),
        is_kept=False,
    ),
)
