"""The one table of the protocol: every address, its arguments, types, units, ranges and defaults.

The decoder, the validation, the feedback, OSCQuery and the page `docs/osc.md` are all made from
`COMMANDS`, so that they cannot disagree. To add an address, add a row; a row whose access is
VALUE also needs a field of that name in `session.SlotState` or `session.SessionState`.

This file knows nothing of bytes, sockets, time or what a command does to the music.
Flow: osc.py (bytes to commands) → here → session.py (commands to actions).
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import (
    Cancel,
    Command,
    Generate,
    GetStatus,
    GetVersion,
    Go,
    Notify,
    Panic,
    Ping,
    Play,
    Quit,
    Refresh,
    Stop,
    Sync,
)
from generator.api import MAX_BARS, MAX_PROMPT_BYTES, MAX_SECONDS, MAX_SEED, MAX_STEPS, MIN_SECONDS

SLOT_PART = "{slot}"


class Access(StrEnum):
    """What an address is for."""

    VALUE = "set and get"
    READ = "get"
    ACTION = "action"
    PUSH = "pushed"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Row:
    """One address below the root (or above it, where `is_rooted` is false).

    `make` is the command of an ACTION; `field` names what a VALUE or READ row shows.
    `ignores_zero` is for triggers: a button that is released sends 0, which does nothing.
    """

    path: str
    access: Access
    description: str
    arguments: tuple[Argument, ...] = ()
    make: type[Command] | None = None
    reply: str = ""
    ignores_zero: bool = False
    is_rooted: bool = True

    @property
    def has_slot(self) -> bool:
        """Whether the address stands once for each slot."""
        return SLOT_PART in self.path

    @property
    def field(self) -> str:
        """The name of the field that a VALUE or READ row shows."""
        return FIELDS.get(self.path, self.path.rsplit("/", 1)[-1])

    def address(self, root: str, slot: int = 0) -> str:
        """The full address, for one slot where the row has one."""
        return (root if self.is_rooted else "") + self.path.replace(SLOT_PART, str(slot))


# Where the field of a row does not bear the last word of its address: units, and two gains.
FIELDS = {
    "/tempo": "tempo_bpm",
    "/master/gain": "master_gain_db",
    "/slot/{slot}/duration": "duration_s",
    "/slot/{slot}/gain": "gain_db",
}

_GAIN = Argument("gain", Kind.FLOAT, "dB", low=-math.inf, high=12.0, default=0.0)
_SEED = Argument("seed", Kind.INT, low=-1, high=MAX_SEED, is_optional=True)
_PROMPT = Argument("prompt", Kind.STRING, max_bytes=MAX_PROMPT_BYTES, default="")
_ID = Argument("id", Kind.INT)
_ADDRESS = Argument("address", Kind.STRING)
_TEXT = Argument("text", Kind.STRING)
_REST = Argument("arguments", Kind.ANY)
_MADE = "/progress…, then /done s:address i:id i:take i:seed f:generate_ms f:seconds"


def _optional_prompt() -> Argument:
    return Argument("prompt", Kind.STRING, max_bytes=MAX_PROMPT_BYTES, is_optional=True)


SERVER: tuple[Row, ...] = (
    Row(
        "/status",
        Access.ACTION,
        "How the daemon is doing.",
        make=GetStatus,
        reply="/status.reply below the root",
    ),
    Row(
        "/status.reply",
        Access.REPLY,
        "The answer to /status. rtf is seconds of computing for each second of sound.",
        (
            Argument("playing_slots", Kind.INT),
            Argument("cpu_pct", Kind.FLOAT, "%"),
            Argument("xruns", Kind.INT),
            Argument("buffer_ms", Kind.FLOAT, "ms"),
            Argument("output_latency_ms", Kind.FLOAT, "ms"),
            Argument("last_generate_ms", Kind.FLOAT, "ms"),
            Argument("rtf", Kind.FLOAT),
            Argument("model", Kind.STRING),
            Argument("device", Kind.STRING),
            Argument("sample_rate", Kind.INT, "Hz"),
            Argument("uptime_s", Kind.DOUBLE, "s"),
        ),
    ),
    Row(
        "/version",
        Access.ACTION,
        "Who answers here.",
        make=GetVersion,
        reply="/version.reply below the root",
    ),
    Row(
        "/version.reply",
        Access.REPLY,
        "The answer to /version. The number of the api grows when this page changes its meaning.",
        (
            Argument("name", Kind.STRING),
            Argument("version", Kind.STRING),
            Argument("api", Kind.STRING),
        ),
    ),
    Row(
        "/notify",
        Access.ACTION,
        "Send every change to the asking address (1), or no more (0); on another port if named. "
        "The lease is renewed by anything that the client sends.",
        (
            Argument("on", Kind.INT, low=0, high=1),
            Argument("port", Kind.INT, low=1, high=65_535, is_optional=True),
            Argument("rate_hz", Kind.FLOAT, "Hz", low=1.0, high=30.0, is_optional=True),
        ),
        Notify,
        reply="/done s:address i:client_id f:lease_s; after the address the id, if /req gave one",
    ),
    Row(
        "/refresh",
        Access.ACTION,
        "Every value below the prefix (a full address), each on its own address.",
        (Argument("prefix", Kind.STRING, is_optional=True),),
        Refresh,
        reply="/done",
    ),
    Row(
        "/sync",
        Access.ACTION,
        "Answered once everything that was asked before it has ended.",
        (Argument("number", Kind.INT),),
        Sync,
        reply="/synced",
    ),
    Row(
        "/ping",
        Access.ACTION,
        "Is anybody there?",
        (_REST,),
        Ping,
        reply="/pong",
    ),
    Row(
        "/quit",
        Access.ACTION,
        "End the daemon; obeyed from this machine only.",
        make=Quit,
        reply="/done, then a clean exit",
        ignores_zero=True,
    ),
    Row(
        "/req",
        Access.ACTION,
        "Give the command that follows an id, which its /progress, /done or /fail will carry. "
        "A command with an id is always answered.",
        (_ID, _ADDRESS, _REST),
        reply="/done or /fail, with the id",
    ),
    Row(
        "/startup",
        Access.PUSH,
        "Sent once to the addresses in the setting `notify`, when the daemon is ready.",
        (Argument("version", Kind.STRING),),
    ),
    Row(
        "/error",
        Access.PUSH,
        "A message that could not be understood.",
        (Argument("code", Kind.STRING), _TEXT),
    ),
    Row(
        "/log",
        Access.PUSH,
        "What a person should know. Priority 0 is trouble, 1 a warning, 2 news.",
        (Argument("priority", Kind.INT, low=0, high=2), _TEXT),
    ),
)

MASTER: tuple[Row, ...] = (
    Row(
        "/tempo",
        Access.VALUE,
        "Tempo of the internal clock, which decides where beats and bars begin.",
        (Argument("tempo", Kind.FLOAT, "bpm", low=20.0, high=999.0, default=120.0),),
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
    Row("/master/gain", Access.VALUE, "Level of everything, ramped.", (_GAIN,)),
    Row(
        "/xruns",
        Access.VALUE,
        "Breaks of the sound that the audio device has told of; 0 begins to count anew.",
        (Argument("xruns", Kind.INT, low=0, high=0, default=0),),
    ),
)

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
        "Whether a take plays once or round and round, from its next start.",
        (Argument("mode", Kind.STRING, choices=("oneshot", "loop"), default="oneshot"),),
    ),
    Row("/slot/{slot}/gain", Access.VALUE, "Level of the slot, ramped.", (_GAIN,)),
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
        "Play the take at the quantise point, or as soon as the slot's first take is ready.",
        (Argument("velocity", Kind.FLOAT, low=0.0, high=1.0, default=1.0, is_optional=True),),
        Play,
        ignores_zero=True,
    ),
    Row(
        "/slot/{slot}/stop",
        Access.ACTION,
        "Fade the slot out now; what was about to start does not.",
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

REPLIES: tuple[Row, ...] = (
    Row(
        "/done",
        Access.REPLY,
        "What was asked has been done; some commands add results.",
        (_ADDRESS, _ID, _REST),
        is_rooted=False,
    ),
    Row(
        "/fail",
        Access.REPLY,
        "What was asked has not been done, and nothing has changed.",
        (_ADDRESS, _ID, Argument("code", Kind.INT), _TEXT),
        is_rooted=False,
    ),
    Row(
        "/progress",
        Access.REPLY,
        "How far a generation has come.",
        (_ADDRESS, _ID, Argument("fraction", Kind.FLOAT, low=0.0, high=1.0)),
        is_rooted=False,
    ),
    Row(
        "/late",
        Access.REPLY,
        "A bundle came after its time, and was obeyed at once.",
        (_ADDRESS, Argument("late_ms", Kind.DOUBLE, "ms")),
        is_rooted=False,
    ),
    Row(
        "/synced",
        Access.REPLY,
        "The answer to /sync.",
        (Argument("number", Kind.INT),),
        is_rooted=False,
    ),
    Row(
        "/pong",
        Access.REPLY,
        "The answer to /ping, with the same arguments.",
        (_REST,),
        is_rooted=False,
    ),
)

COMMANDS: tuple[Row, ...] = SERVER + MASTER + SLOT + REPLIES
