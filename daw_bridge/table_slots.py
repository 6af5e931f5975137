"""The table's rows of the slots."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.audio_commands import MAX_PAIRS
from daw_bridge.requests import Cancel, Generate, Go, Inpaint, NextTake, Play, PreviousTake, Stop
from daw_bridge.table_rows import GAIN, SWITCH, Access, Row
from generator.api import MAX_BARS, MAX_PROMPT_BYTES, MAX_SECONDS, MAX_SEED, MAX_STEPS, MIN_SECONDS

_SEED = Argument("seed", Kind.INT, low=-1, high=MAX_SEED, is_optional=True)
_PROMPT = Argument("prompt", Kind.STRING, max_bytes=MAX_PROMPT_BYTES, default="")
_MADE = "/progress…, then /done s:address i:id i:take i:seed f:generate_ms f:seconds"


def _optional_prompt() -> Argument:
    return Argument("prompt", Kind.STRING, max_bytes=MAX_PROMPT_BYTES, is_optional=True)


def _blended_prompt(number: int) -> tuple[Row, Row]:
    """The rows of one of the prompts that a slot mixes."""
    place = f"/slot/{{slot}}/prompt/{number}"
    words = "The same as the slot's prompt." if number == 1 else "Further words, mixed in."
    weight = Argument("weight", Kind.FLOAT, low=0.0, high=1.0, default=float(number == 1))
    return (
        Row(
            f"{place}/text",
            Access.VALUE,
            words,
            (_PROMPT,),
            shows=f"text_{number}",
            is_kept=number > 1,
        ),
        Row(
            f"{place}/weight",
            Access.VALUE,
            "How much they count beside the others.",
            (weight,),
            shows=f"weight_{number}",
        ),
    )


SLOT: tuple[Row, ...] = (
    Row(
        "/slot/{slot}/prompt",
        Access.VALUE,
        "The words for the sound. Makes no sound by itself.",
        (_PROMPT,),
    ),
    *(row for number in (1, 2, 3, 4) for row in _blended_prompt(number)),
    Row(
        "/slot/{slot}/seed",
        Access.VALUE,
        "Which of the many takes of a prompt is made; -1 draws one at random each time. "
        "The feedback is the seed that was really used.",
        (Argument("seed", Kind.INT, low=-1, high=MAX_SEED, default=-1),),
    ),
    Row(
        "/slot/{slot}/seed/lock",
        Access.VALUE,
        "Keep the seed of the current take for those that are made from now on.",
        (SWITCH,),
        shows="seed_lock",
    ),
    Row(
        "/slot/{slot}/variation",
        Access.VALUE,
        "How far a take with a set or locked seed is from it: 0 is the same take, 1 any other.",
        (Argument("variation", Kind.FLOAT, low=0.0, high=1.0, default=0.0),),
    ),
    Row(
        "/slot/{slot}/fresh",
        Access.VALUE,
        "Every trigger plays a take that nobody has heard; they are made ahead.",
        (SWITCH,),
    ),
    Row(
        "/slot/{slot}/init",
        Access.VALUE,
        'What takes begin from: the take of a slot, such as "slot:3", a sound file in an allowed '
        'folder, such as "kick.wav" (docs/sounds.md), "input" for what has just come in there, or '
        "nothing.",
        (Argument("source", Kind.STRING, default=""),),
    ),
    Row(
        "/slot/{slot}/init/strength",
        Access.VALUE,
        "How much stays of what a take begins from: 1 nearly all, 0 nothing.",
        (Argument("strength", Kind.FLOAT, low=0.0, high=1.0, default=0.5),),
        shows="init_strength",
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
        "Steps of the model: more takes longer and may sound better; loops have at least 2.",
        (Argument("steps", Kind.INT, low=1, high=MAX_STEPS, default=1),),
    ),
    Row(
        "/slot/{slot}/mode",
        Access.VALUE,
        "How a take plays, from its next start: once; as long as it is held, a pad that is let go "
        "sending /play 0; round and round; or as a stream without end, each take going on where "
        "the last stops, with what is set now from the next quantise point on.",
        (
            Argument(
                "mode",
                Kind.STRING,
                choices=("oneshot", "gate", "loop", "stream"),
                default="oneshot",
            ),
        ),
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
        "/slot/{slot}/out",
        Access.VALUE,
        "The stereo pair of the output that the slot goes to: 1 is the main mix, where effects are "
        "heard; /device/pairs tells how many there are. It glides from one to the other.",
        (Argument("pair", Kind.INT, low=1, high=MAX_PAIRS, default=1),),
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
        "/slot/{slot}/pos",
        Access.STREAM,
        "How far the newest sound of the slot is in its take, 25 times a second; 0 at its end.",
        (Argument("position", Kind.FLOAT, low=0.0, high=1.0),),
    ),
    Row(
        "/slot/{slot}/take",
        Access.VALUE,
        "The take that play plays, by its number, counted from 1 since the start; 0 for none yet. "
        "The slot remembers its last ones; a loop goes over to the chosen one at its point.",
        (Argument("take", Kind.INT, low=0, high=MAX_SEED, default=0),),
        is_kept=False,
    ),
    Row(
        "/slot/{slot}/take/next",
        Access.ACTION,
        "The take that came after this one.",
        make=NextTake,
        ignores_zero=True,
    ),
    Row(
        "/slot/{slot}/take/prev",
        Access.ACTION,
        "Undo: the take that came before this one.",
        make=PreviousTake,
        ignores_zero=True,
    ),
    Row(
        "/slot/{slot}/take/keep",
        Access.VALUE,
        "Whether the current take is remembered whatever comes after it.",
        (SWITCH,),
        shows="is_kept",
        is_kept=False,
    ),
    Row(
        "/slot/{slot}/inpaint",
        Access.ACTION,
        "Make a stretch of the current take anew, with other words if given, and keep the rest.",
        (
            Argument("start_s", Kind.FLOAT, "s", low=0.0, high=MAX_SECONDS),
            Argument("end_s", Kind.FLOAT, "s", low=0.0, high=MAX_SECONDS),
            _optional_prompt(),
        ),
        Inpaint,
        reply=_MADE,
    ),
)
