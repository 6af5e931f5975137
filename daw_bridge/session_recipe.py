"""What a slot's values ask of a generator: words and their weights, length, key, seed, origin.

Pure. A recipe is a `GenerationRequest`; two that differ in their dice alone give takes of one kind.
Flow: session_generation.py, session_fresh.py and session_stream.py ask for takes by it.
"""

import re
from dataclasses import dataclass, replace

from daw_bridge.loudness import wanted_rms_dbfs
from daw_bridge.session_slot import SlotState
from daw_bridge.sounds import INPUT, names_file
from daw_bridge.transport import Transport
from generator.api import MAX_SEED, MIN_CHANGE, Base, GenerationRequest, steps_to_play
from generator.errors import RequestError

_EMPTY = 'The prompt is empty: name the sound, such as "deep 808 kick".'
_SLOT_SOURCE = re.compile(r"slot:(\d+)")
# Odd, so that no two numbers of jobs give one seed; the golden ratio, so that neighbours lie apart.
_SEED_STRIDE = 0x9E3779B1


@dataclass(frozen=True, slots=True)
class Dice:
    """What chance decides of a take: its seed, and the one that a variation leans towards."""

    seed: int
    variation_seed: int = 0


def throw(slot: SlotState, number: int, entropy: int, *, seed: int | None = None) -> Dice:
    """Draw what is random.

    Args:
        slot: Whose seed, lock and variation count.
        number: Of the job; no two numbers of a session draw the same.
        entropy: What the session draws from.
        seed: Instead of the slot's seed; -1 is random.

    Returns:
        The seed that is given or locked, or else a random one.
    """
    drawn = (entropy + number * _SEED_STRIDE) % (MAX_SEED + 1)
    wanted = slot.seed if seed is None else seed
    if seed is None and slot.seed_lock and slot.shown_seed >= 0:
        wanted = slot.shown_seed
    if wanted < 0:
        return Dice(drawn)
    return Dice(wanted, drawn if slot.variation else 0)


def recipe_of(
    slot: SlotState, transport: Transport, dice: Dice, *, prompt: str | None = None
) -> GenerationRequest:
    """Write down what a slot asks for.

    Args:
        slot: The slot.
        transport: Whose tempo and signature give bars their length.
        dice: What chance decides.
        prompt: Words instead of the slot's own first ones.

    Returns:
        A request that a generator can fulfil.

    Raises:
        RequestError: The values do not go together, or there are no words.
    """
    blend = blend_of(slot, slot.prompt if prompt is None else prompt)
    tempo_bpm, beats_per_bar = transport.beats_of_a_bar
    in_time = bool(slot.bars)
    is_stream = slot.mode == "stream"
    loop = slot.mode == "loop" or (is_stream and in_time)
    return GenerationRequest(
        prompt=blend[0][0],
        blend=blend if len(blend) > 1 else (),
        seed=dice.seed,
        variation=slot.variation if dice.variation_seed else 0.0,
        variation_seed=dice.variation_seed,
        seconds=slot.duration_s,
        steps=steps_to_play(slot.steps, loop=loop),
        tempo_bpm=tempo_bpm if in_time else None,
        bars=slot.bars or None,
        beats_per_bar=beats_per_bar,
        key=slot.key or None,
        loop=loop,
        is_open=is_stream and not in_time,
        rms_dbfs=wanted_rms_dbfs(loop=loop),
    )


def blend_of(slot: SlotState, prompt: str) -> tuple[tuple[str, float], ...]:
    """The words of a slot that count, with their weights, which sum to 1.

    Args:
        slot: Whose further words and weights count.
        prompt: Its first words.

    Returns:
        One pair at least; the first words alone where no weight is left.

    Raises:
        RequestError: There are no words.
    """
    words = (prompt, slot.text_2, slot.text_3, slot.text_4)
    weights = (slot.weight_1, slot.weight_2, slot.weight_3, slot.weight_4)
    found = [(text, weight) for text, weight in zip(words, weights, strict=True) if text.strip()]
    if not found:
        raise RequestError(_EMPTY)
    total = sum(weight for _, weight in found)
    if total <= 0.0:
        return ((found[0][0], 1.0),)
    return tuple((text, weight / total) for text, weight in found if weight > 0.0)


def corner_weights(x: float, y: float) -> tuple[float, float, float, float]:
    """The weights of the corners of a pad: 1 and 2 at the bottom, 3 and 4 at the top.

    >>> corner_weights(0.0, 0.0), corner_weights(0.25, 1.0)
    ((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.75, 0.25))
    """
    return ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y)


def kind(recipe: GenerationRequest) -> GenerationRequest:
    """A recipe less its dice and its origin: equal for takes of one kind."""
    return replace(recipe, seed=0, variation_seed=0, variation=0.0, follows="", base=None)


def source_slot(init: str, slots: int) -> int:
    """Read which slot a take is to begin from.

    Args:
        init: "slot:3", "input", a sound file, or "" for nothing.
        slots: How many slots there are.

    Returns:
        The number of the slot, 0 for none.

    Raises:
        RequestError: It is something else; the text says what there is.
    """
    if init in ("", INPUT) or names_file(init):
        return 0
    found = _SLOT_SOURCE.fullmatch(init)
    if found and 1 <= int(found[1]) <= slots:
        return int(found[1])
    if found:
        raise RequestError(f"There is no slot {found[1]}; slots go from 1 to {slots}.")
    raise RequestError(
        f"A take cannot begin from {init[:40]!r}. Give the take of a slot, such as slot:3, a sound "
        "file, such as kick.wav, input, or nothing."
    )


def init_refusal(init: str, slots: int) -> str:
    """Why a take cannot begin from something; empty if it can."""
    try:
        source_slot(init, slots)
    except RequestError as error:
        return str(error)
    return ""


def from_source(recipe: GenerationRequest, source: str, strength: float) -> GenerationRequest:
    """Have a take begin from another one, or from a sound: the stronger, the more of it stays."""
    base = Base(source, max(1.0 - strength, MIN_CHANGE))
    return replace(recipe, base=base, is_open=False, variation=0.0)


def with_hole(
    source: GenerationRequest, start_s: float, end_s: float, dice: Dice, words: str | None
) -> GenerationRequest:
    """Have a stretch of a take made anew and the rest kept.

    Args:
        source: What made the take.
        start_s: Where the stretch begins.
        end_s: Where it ends, after it begins.
        dice: What chance decides.
        words: Other words for the stretch; None for the same.

    Returns:
        The recipe.

    Raises:
        RequestError: The stretch does not lie in the take.
    """
    if not 0.0 <= start_s < end_s <= source.duration_s + 0.01:
        raise RequestError(
            f"The stretch from {start_s:g} to {end_s:g} s does not lie in the take, which goes "
            f"from 0 to {source.duration_s:.2f} s."
        )
    keep_s = ((0.0, start_s), (min(end_s, source.duration_s), source.duration_s))
    base = Base(source.identity, 1.0, tuple(one for one in keep_s if one[0] < one[1]))
    recipe = replace(source, seed=dice.seed, base=base, follows="", variation=0.0, variation_seed=0)
    return replace(recipe, prompt=words, blend=()) if words is not None else recipe
