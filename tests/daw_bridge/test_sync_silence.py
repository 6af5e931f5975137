"""What the libraries of the neighbours look for in vain is told once, in words of ours."""

import pytest

from daw_bridge.sync_process import SyncProcess
from daw_bridge.sync_wire import Follow, Listen, PortsChanged, SendClock, SourceMissing, SyncEvent
from tests.daw_bridge.test_sync_process import hear


def test_where_there_is_no_server_nothing_is_written_and_each_lack_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody-has-this-name")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    sync = SyncProcess()
    try:
        # As the daemon asks at its start, save for the last, which ends what there is to hear.
        for command in (Listen(""), SendClock(on=False), Follow("jack")):
            sync.tell(command)
        heard = hear(sync, lambda event: is_lack(event, "jack"))
    finally:
        sync.stop()
    lacks = [one for one in heard if is_lack(one, "midi")]
    # There is a MIDI system, or there is none; either is told, and not both.
    assert len(lacks) == (0 if any(isinstance(one, PortsChanged) for one in heard) else 1)
    assert capfd.readouterr().err == ""


def is_lack(event: SyncEvent, source: str) -> bool:
    """Whether it says that a source is missing."""
    return isinstance(event, SourceMissing) and event.source == source and bool(event.reason)
