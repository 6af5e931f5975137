"""The law of hits that come while a block is mixed: as if in time, or as if for the next block."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.audio_commands import (
    NOW,
    Command,
    Ended,
    Event,
    Panic,
    Play,
    SetMasterGain,
    SetSlotGain,
    SetSlotOutput,
    Started,
    StopSlot,
)
from daw_bridge.mixer import Mixer
from generator.api import FloatArray
from tests.daw_bridge.mixer_rig import mixer_with, noise, render, seeded_mixer, timed_commands

BLOCK = 256
timed_plays = timed_commands.filter(lambda command: isinstance(command, Play))
now = st.one_of(timed_plays, timed_plays, timed_commands).map(partial(replace, at_frame=NOW))
late_commands = st.lists(
    st.one_of(now, now, timed_commands, st.just(Panic())), min_size=1, max_size=4
)


def render_late(mixer: Mixer, late: Sequence[Command], frames: int = BLOCK) -> FloatArray:
    """Render a block in which commands come while it is mixed."""
    waiting, out = list(late), np.full((frames, 2), np.nan, np.float32)

    def look_again() -> None:
        while waiting:
            mixer.handle(waiting.pop(0))

    mixer.render(out, look_again)
    return out


def heard(
    before: Sequence[Command], late: Sequence[Command], blocks: int, in_time: int | None
) -> tuple[list[bytes], list[Event]]:
    """What sounds, a block each, and what is told, where so many come in time; None: as it is."""
    mixer = seeded_mixer()
    for command in before:
        mixer.handle(command)
    sound = [render(mixer, BLOCK) for _ in range(blocks)]
    if in_time is None:
        sound.append(render_late(mixer, late))
    else:
        for command in late[:in_time]:
            mixer.handle(command)
        sound.append(render(mixer, BLOCK))
        for command in late[in_time:]:
            mixer.handle(command)
    sound += [render(mixer, BLOCK) for _ in range(8)]
    return [block.tobytes() for block in sound], sorted(mixer.events, key=repr)


@given(st.lists(st.one_of(now, timed_commands), max_size=8), late_commands, st.integers(0, 8))
@settings(max_examples=400)
def test_the_first_of_them_come_in_time_and_the_others_for_the_next_block(
    before: list[Command], late: list[Command], blocks: int
) -> None:
    found = heard(before, late, blocks, None)
    allowed = [heard(before, late, blocks, in_time) for in_time in range(len(late) + 1)]
    assert found in allowed


@given(st.integers(0, 4), st.sampled_from([1.0, 0.5, 1.5]), st.integers(0, 100))
def test_a_hit_in_a_slot_where_nothing_sounds_comes_in_time(
    others: int, speed: float, offset_frames: int
) -> None:
    mixers = [mixer_with(noise(1), noise(2, 5000)) for _ in range(2)]
    hit = Play(9, 0, speed=speed, offset_frames=offset_frames, note=60)
    for mixer in mixers:
        for slot in range(1, 1 + others):
            mixer.handle(Play(slot, 1, loop=True))
        mixer.handle(SetSlotGain(9, 0.5, 0.25))
        mixer.handle(SetSlotOutput(9, 0))
        render(mixer, BLOCK)
        mixer.handle(SetSlotGain(9, 0.7, 0.2))  # on its way while the hit comes
        render(mixer, 100)
    late, in_time = mixers
    in_time.handle(hit)
    np.testing.assert_array_equal(render_late(late, [hit]), render(in_time, BLOCK))
    np.testing.assert_array_equal(render(late, 3 * BLOCK), render(in_time, 3 * BLOCK))
    assert late.events == in_time.events
    assert any(one == Started(9, 0, BLOCK + 100) for one in late.events)


def begins(mixer: Mixer, late: Sequence[Command], slot: int) -> list[int]:
    """At which frames a slot begins, where commands come while the first block is mixed."""
    render_late(mixer, late)
    render(mixer, 4 * BLOCK)
    found = (event for event in mixer.events if isinstance(event, Started))
    return [event.frame for event in found if event.slot == slot]


def test_what_would_change_more_than_its_own_sound_waits_for_the_next_block() -> None:
    fresh = partial(mixer_with, noise(1, 5000), noise(2, 100))
    assert begins(fresh(), [Play(1, 0)], 1) == [0]
    assert begins(fresh(), [Play(1, 0), Play(2, 0)], 2) == [0]
    for before in (SetMasterGain(-6.0), StopSlot(3), Panic(), SetSlotGain(1, 0.5, 0.5)):
        assert begins(fresh(), [before, Play(1, 0)], 1) == [BLOCK]
    assert begins(fresh(), [Play(1, 0), Play(1, 0)], 1) == [0, BLOCK]
    assert begins(fresh(), [Play(1, 0, choke=2), Play(2, 0, choke=2)], 2) == [BLOCK]
    assert begins(fresh(), [Play(1, 0, at_frame=300)], 1) == [300]
    assert begins(fresh(), [Play(1, 1)], 1) == [BLOCK]  # it would end in the block
    assert begins(fresh(), [Play(1, 0, repeats=True)], 1) == [BLOCK]
    taken = fresh()
    taken.handle(Play(1, 0))
    assert begins(taken, [Play(1, 0)], 1) == [0, BLOCK]
    cut = fresh()
    cut.handle(Play(3, 1))  # ends in the block
    assert begins(cut, [Play(1, 0)], 1) == [BLOCK]
    assert any(isinstance(event, Ended) for event in cut.events)
    missing = fresh()
    assert begins(missing, [Play(1, 7)], 1) == []
    assert missing.install(7, noise(3))
    render(missing, BLOCK)
    assert any(isinstance(event, Started) for event in missing.events)
