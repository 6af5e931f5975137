"""Laws of the records: a round trip for every message, a refusal for everything else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daw_bridge import audio_commands
from daw_bridge.audio_commands import (
    InstallTake,
    Message,
    Play,
    SetMasterGain,
)
from daw_bridge.audio_records import (
    NAME_BYTES,
    RECORD_BYTES,
    decode,
    encode,
)
from daw_bridge.errors import AudioError

numbers = st.integers(-(2**62), 2**62)
names = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=NAME_BYTES)
levels = st.floats(allow_nan=False)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(audio_commands.InstallTake, numbers, names, numbers),
    st.builds(audio_commands.ReleaseTake, numbers),
    st.builds(audio_commands.Play, numbers, numbers, numbers, levels, st.booleans(), levels),
    st.builds(audio_commands.MovePlay, numbers, numbers),
    st.builds(audio_commands.StopSlot, numbers, numbers, levels),
    st.builds(audio_commands.SetSlotGain, numbers, levels, levels, numbers),
    st.builds(audio_commands.SetMasterGain, levels, numbers),
    st.builds(audio_commands.Panic),
    st.builds(audio_commands.Quit),
    st.builds(audio_commands.Installed, numbers),
    st.builds(audio_commands.Started, numbers, numbers, numbers),
    st.builds(audio_commands.Ended, numbers, numbers, numbers, numbers),
    st.builds(audio_commands.Disposed, numbers),
    st.builds(audio_commands.Warning, numbers, numbers, numbers, numbers),
)


@given(messages)
def test_decode_undoes_encode(message: Message) -> None:
    record = encode(message)
    assert len(record) == RECORD_BYTES
    assert decode(record) == message
    assert type(decode(record)) is type(message)


@given(st.binary(max_size=2 * RECORD_BYTES))
def test_any_bytes_give_a_message_or_a_refusal(record: bytes) -> None:
    try:
        message = decode(record)
    except AudioError:
        return
    assert isinstance(message, Message)


@given(st.binary(min_size=RECORD_BYTES - 1, max_size=RECORD_BYTES - 1), st.integers(0, 255))
def test_any_record_gives_a_message_or_a_refusal(body: bytes, tag: int) -> None:
    try:
        message = decode(bytes([tag]) + body)
    except AudioError:
        return
    assert isinstance(message, Message)


def test_silence_is_a_gain() -> None:
    assert decode(encode(SetMasterGain(-math.inf))) == SetMasterGain(-math.inf)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(AudioError, match="longer than"):
        encode(InstallTake(1, "x" * (NAME_BYTES + 1), 1))
    with pytest.raises(AudioError, match="does not fit"):
        encode(Play(2**70, 1))
    with pytest.raises(AudioError, match="does not fit"):
        encode(InstallTake(1, "é", 1))
