"""The table's rows of presets, scenes, the state and capture."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.audio_commands import MAX_PAIRS
from daw_bridge.requests import (
    AskPresets,
    Capture,
    ErasePreset,
    LoadPreset,
    LoadState,
    NextPreset,
    PreviousPreset,
    RecallScene,
    SavePreset,
    SaveState,
    StartRecording,
    StopRecording,
    StoreScene,
)
from daw_bridge.table_rows import SCENE_PART, Access, Row

_NAME = Argument("name", Kind.STRING)
_OPTIONAL_NAME = Argument("name", Kind.STRING, default="", is_optional=True)
_PAIR = Argument("pair", Kind.INT, low=1, high=MAX_PAIRS, default=1, is_optional=True)
_LOADED = "/done, once its takes are there and its quantise point has come"
_PATH = "/done s:address i:id s:path"

LIBRARY: tuple[Row, ...] = (
    Row(
        "/preset/list",
        Access.ACTION,
        "Names of all presets, in the order of their numbers: those that came with the daemon "
        "first. They come on this address, in several messages where one is too short.",
        make=AskPresets,
        reply="s:name …, then /done s:address i:id i:count",
    ),
    Row(
        "/preset/load",
        Access.ACTION,
        "Load a preset by name, or by its number in the list. Takes that were not kept with it are "
        "made while the old sound goes on; then everything changes at the quantise point. What "
        "loops goes over into the new take, other slots wait to be played.",
        (Argument("name", Kind.STRING, also_int=True),),
        LoadPreset,
        reply=_LOADED,
    ),
    Row(
        "/preset/save",
        Access.ACTION,
        "Save everything that is set as a preset, with its takes unless the switch is off.",
        (_NAME, Argument("takes", Kind.BOOL, default=True, is_optional=True)),
        SavePreset,
        reply="/done s:address i:id s:name",
    ),
    Row(
        "/preset/next",
        Access.ACTION,
        "Load the next preset of the list.",
        make=NextPreset,
        reply=_LOADED,
        ignores_zero=True,
    ),
    Row(
        "/preset/prev",
        Access.ACTION,
        "Load the preset before it in the list.",
        make=PreviousPreset,
        reply=_LOADED,
        ignores_zero=True,
    ),
    Row(
        "/preset/delete",
        Access.ACTION,
        "Remove a preset of your own.",
        (_NAME,),
        ErasePreset,
        reply="/done",
    ),
    Row(
        "/preset/name",
        Access.READ,
        "The preset that was loaded or saved last.",
        (Argument("name", Kind.STRING, default=""),),
        shows="preset_name",
    ),
    Row(
        "/preset/dirty",
        Access.READ,
        "Whether anything has changed since then.",
        (Argument("dirty", Kind.BOOL, default=False),),
        shows="preset_dirty",
    ),
    Row(
        f"/scene/{SCENE_PART}/store",
        Access.ACTION,
        "Store everything that is set, all takes and what loops, as a scene. Scenes are kept with "
        "the state.",
        make=StoreScene,
        reply="/done",
        ignores_zero=True,
    ),
    Row(
        f"/scene/{SCENE_PART}/recall",
        Access.ACTION,
        "Everything as it was stored, at the quantise point; from there numbers glide for as long "
        "as is given, and a value that is set meanwhile stays where it was set. Loops that were "
        "stored as playing play, others stop. Without an argument all is there at once; 0 is a "
        "button let go.",
        (Argument("morph_s", Kind.FLOAT, "s", low=0.0, high=600.0, default=0.0, is_optional=True),),
        RecallScene,
        reply="/done, once all values have arrived",
        ignores_zero=True,
    ),
    Row(
        "/scene/current",
        Access.READ,
        "The scene that was stored or recalled last, 0 for none.",
        (Argument("scene", Kind.INT, low=0, high=16, default=0),),
        shows="scene",
    ),
    Row(
        "/state/save",
        Access.ACTION,
        "Save everything, the scenes too, inside the state folder: under a name, or as what the "
        "next start begins with, which also happens by itself.",
        (_OPTIONAL_NAME,),
        SaveState,
        reply="/done s:address i:id s:name",
    ),
    Row(
        "/state/load",
        Access.ACTION,
        "Go back to a saved state, at the quantise point.",
        (_OPTIONAL_NAME,),
        LoadState,
        reply=_LOADED,
    ),
    Row(
        "/rec/start",
        Access.ACTION,
        "Record what is heard, from now or from the bundle's time on, into a file in the folder "
        "captures. The name may end in .wav (32-bit floats) or .flac (24 bits). Pair 1 is the main "
        "mix; another one is recorded as its device gets it.",
        (_OPTIONAL_NAME, _PAIR),
        StartRecording,
        reply=_PATH,
    ),
    Row(
        "/rec/stop",
        Access.ACTION,
        "End the recording.",
        make=StopRecording,
        reply=_PATH,
        ignores_zero=True,
    ),
    Row(
        "/rec/capture",
        Access.ACTION,
        "Keep what was just heard: the last seconds (a number with a point), or the last whole "
        "bars (a whole number), exact to the sample and ready to loop, of a pair of the output.",
        (
            Argument("length", Kind.FLOAT, "s", low=0.1, high=3600.0, also_int=True),
            _OPTIONAL_NAME,
            _PAIR,
        ),
        Capture,
        reply=_PATH,
    ),
    Row(
        "/rec/running",
        Access.READ,
        "Whether a recording is on.",
        (Argument("running", Kind.BOOL, default=False),),
        shows="is_recording",
    ),
)
