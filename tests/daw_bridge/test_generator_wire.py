"""The law of the wire: what is written is read, on one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge import generator_wire as wire
from daw_bridge.generator_events import (
    GeneratorReady,
    TakeBegun,
    TakeFailed,
    TakeProgress,
    TakeReady,
)
from daw_bridge.sounds import Sound
from generator.api import Base, GenerationRequest

REQUESTS = st.builds(
    GenerationRequest,
    prompt=st.text(max_size=50),
    seed=st.integers(0, 2**31 - 1),
    seconds=st.floats(0.1, 24),
    tempo_bpm=st.none() | st.floats(20, 400),
    key=st.sampled_from([None, "C", "F#m"]),
    loop=st.booleans(),
    base=st.none()
    | st.builds(
        Base,
        st.just("0123456789abcdef" * 2),
        st.floats(0.01, 1.0),
        st.lists(st.floats(0, 9).map(lambda s: (s, s + 1)), max_size=3).map(tuple),
    ),
)


@given(st.integers(0, 2**31), REQUESTS)
def test_commands_survive(request_id: int, request: GenerationRequest) -> None:
    begun = wire.MakeTake(request_id, request, Sound("0" * 32, "dawb-1-take-b", 5))
    many = wire.MakeTakes((wire.MakeTake(request_id, request), begun))
    others = (wire.DropTake(request_id), wire.Leave(), wire.KeepWarm())
    for command in (wire.MakeTakes((wire.MakeTake(request_id, request),)), many, *others):
        line = wire.to_line(command)
        assert line.count("\n") == 1
        read = wire.command_from_line(line)
        assert read == command
        if isinstance(read, wire.MakeTakes):
            assert all(one.request.identity == request.identity for one in read.takes)


@pytest.mark.parametrize(
    "event",
    [
        GeneratorReady("a\nb 🥁", 3.5),
        TakeProgress(1, 0.5),
        TakeBegun(1, "dawb-1-take-a", 100, 7),
        TakeReady(1, "dawb-1-take-a", 100, 7, 12.0),
        TakeFailed(1, 503, "text"),
        wire.TakeReserved(1, "dawb-1-take-a"),
        wire.LoadFailed("text"),
    ],
)
def test_events_survive(event: wire.ChildEvent) -> None:
    line = wire.to_line(event)
    assert line.count("\n") == 1
    assert wire.event_from_line(line) == event


def test_a_blend_survives_the_wire() -> None:
    request = GenerationRequest("a", 1, blend=(("a", 0.25), ("b", 0.75)), variation=0.5)
    command = wire.MakeTakes((wire.MakeTake(3, request),))
    assert wire.command_from_line(wire.to_line(command)) == command
    assert request.identity != GenerationRequest("a", 1).identity
