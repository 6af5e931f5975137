"""The table's rows of the slots."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import Cancel, Generate, Go, Play, Stop
from daw_bridge.table_rows import GAIN, SWITCH, Access, Row
from generator.api import MAX_BARS, MAX_PROMPT_BYTES, MAX_SECONDS, MAX_SEED, MAX_STEPS, MIN_SECONDS

_SEED = Argument("seed", Kind.INT, low=-1, high=MAX_SEED, is_optional=True)
_PROMPT = Argument("prompt", Kind.STRING, max_bytes=MAX_PROMPT_BYTES, default="")
_MADE = "/progress…, then /done s:address i:id i:take i:seed f:generate_ms f:seconds"


def _optional_prompt() -> Argument:
    return Argument("prompt", Kind.STRING, max_bytes=MAX_PROMPT_BYTES, is_optional=True)


SLOT: tuple[Row, ...] = (
    Row(
        "/slot/{slot}/prompt",
        Access.VALUE,
        "The words for the sound. Makes no sound by itself.",
        (_PROMPT,),
    ),
    Row(
        "/slot/{slot}/seed",
        Access.VALUE,
        "Which of the many takes of a prompt is made; -1 draws one at random each time. "
        "The feedback is the seed that was really used.",
        (Argument("seed", Kind.INT, low=-1, high=MAX_SEED, default=-1),),
    ),
    Row(
        "/slot/{slot}/duration",
        Access.VALUE,
        "Length of the next take.",
        (Argument("duration", Kind.FLOAT, "s", low=MIN_SECONDS, high=MAX_SECONDS, default=2.0),),
        shows="duration_s",
    ),
    Row(
        "/slot/{slot}/bars",
        Access.VALUE,
        "Length of the next take in bars of the present tempo, exact to the frame; "
        "0 leaves it to the duration.",
        (Argument("bars", Kind.INT, "bars", low=0, high=MAX_BARS, default=0),),
    ),
    Row(
        "/slot/{slot}/key",
        Access.VALUE,
        'Key of the next take, such as "F#m" or "Bb"; empty for none.',
        (Argument("key", Kind.STRING, default="", is_key=True),),
    ),
    Row(
        "/slot/{slot}/steps",
        Access.VALUE,
        "Steps of the model: more takes longer and may sound better.",
        (Argument("steps", Kind.INT, low=1, high=MAX_STEPS, default=1),),
    ),
    Row(
        "/slot/{slot}/mode",
        Access.VALUE,
        "How a take plays, from its next start: once; as long as it is held, a pad that is let go "
        "sending /play 0; or round and round.",
        (Argument("mode", Kind.STRING, choices=("oneshot", "gate", "loop"), default="oneshot"),),
    ),
    Row("/slot/{slot}/gain", Access.VALUE, "Level of the slot, ramped.", (GAIN,), shows="gain_db"),
    Row(
        "/slot/{slot}/pan",
        Access.VALUE,
        "Balance: what it takes from one side it does not add to the other.",
        (Argument("pan", Kind.FLOAT, low=-1.0, high=1.0, default=0.0),),
    ),
    Row("/slot/{slot}/mute", Access.VALUE, "Silent while it goes on, ramped.", (SWITCH,)),
    Row(
        "/slot/{slot}/solo",
        Access.VALUE,
        "While any slot is solo, those that are not are silent.",
        (SWITCH,),
    ),
    Row(
        "/slot/{slot}/choke",
        Access.VALUE,
        "Slots of one group, such as an open and a closed hi-hat, cut each other off; 0 is none.",
        (Argument("group", Kind.INT, low=0, high=16, default=0),),
    ),
    Row(
        "/slot/{slot}/crossfade",
        Access.VALUE,
        "How long a loop takes to go over into the next, and a held sound to end.",
        (Argument("crossfade", Kind.FLOAT, "ms", low=5.0, high=10_000.0, default=10.0),),
        shows="crossfade_ms",
    ),
    Row(
        "/slot/{slot}/root",
        Access.VALUE,
        "The MIDI note that plays the take at its own pitch.",
        (Argument("root", Kind.INT, low=0, high=127, default=60),),
    ),
    Row(
        "/slot/{slot}/generate",
        Access.ACTION,
        "Make a take, without playing it. The prompt, if given, becomes the slot's; the seed holds "
        "for this take only. A newer request of the slot takes the place of an older one.",
        (_optional_prompt(), _SEED),
        Generate,
        reply=_MADE,
        ignores_zero=True,
    ),
    Row(
        "/slot/{slot}/go",
        Access.ACTION,
        "Make a take and play it when it is ready, at the quantise point: the one-message path.",
        (Argument("prompt", Kind.STRING, max_bytes=MAX_PROMPT_BYTES), _SEED),
        Go,
        reply=_MADE,
    ),
    Row(
        "/slot/{slot}/play",
        Access.ACTION,
        "Play the take at the quantise point, or as soon as the slot's first take is ready. "
        "0 is a pad let go: it ends a gate, and is ignored elsewhere.",
        (Argument("velocity", Kind.FLOAT, low=0.0, high=1.0, default=1.0, is_optional=True),),
        Play,
    ),
    Row(
        "/slot/{slot}/stop",
        Access.ACTION,
        "Fade the slot out at the quantise point; what was about to start does not.",
        (
            Argument(
                "fade_ms",
                Kind.FLOAT,
                "ms",
                low=0.0,
                high=60_000.0,
                default=10.0,
                is_optional=True,
            ),
        ),
        Stop,
    ),
    Row(
        "/slot/{slot}/cancel",
        Access.ACTION,
        "Drop a pending generation at once; it is answered with /fail.",
        make=Cancel,
        ignores_zero=True,
    ),
    Row(
        "/slot/{slot}/state",
        Access.READ,
        "What the slot is doing; what sounds is named before what is being made.",
        (
            Argument(
                "state",
                Kind.STRING,
                choices=(
                    "empty",
                    "queued",
                    "generating",
                    "ready",
                    "armed",
                    "playing",
                    "fading",
                    "error",
                ),
                default="empty",
            ),
        ),
    ),
    Row(
        "/slot/{slot}/take",
        Access.READ,
        "Number of the take that play would play, counted from 1 since the start; 0 for none.",
        (Argument("take", Kind.INT, low=0, high=MAX_SEED, default=0),),
    ),
)
