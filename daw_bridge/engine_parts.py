"""What the engine works on: the parts of the daemon, named by what they can do.

Not by what they are, so that a test may hand in working stand-ins. Flow: daemon.py puts real ones
together → engine.py does on them what is decided.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daw_bridge import audio_commands as audio
from daw_bridge.audio_status import AudioStatus
from daw_bridge.file_jobs import FileEvent, FileJob
from daw_bridge.generator_events import GeneratorEvent
from daw_bridge.osc import TaggedValue
from daw_bridge.portaudio import Direction
from daw_bridge.sounds import Sound
from generator.api import GenerationRequest


class AudioPart(Protocol):
    """What the engine needs of the audio process."""

    def send(self, command: audio.Command) -> None:
        """Send a command, or raise QueueFull or AudioError."""

    def send_records(self, records: Sequence[bytes]) -> int:
        """Send commands that are encoded already; tells how many were sent, from the first on."""

    def poll(self) -> list[audio.Event]:
        """Take the events that have come."""

    def status(self) -> AudioStatus:
        """Its own account of its last callback."""


class GeneratorPart(Protocol):
    """What the engine needs of the generator process."""

    def submit(
        self, request_id: int, request: GenerationRequest, sound: Sound | None = None
    ) -> None:
        """Ask for a take, which may begin from a sound."""

    def cancel(self, request_id: int) -> None:
        """Take a request back."""

    def poll(self) -> list[GeneratorEvent]:
        """Take the events that have come."""

    def known_models(self) -> Sequence[str]:
        """Which models came with the daemon."""

    def keep_warm(self) -> None:
        """Somebody plays: let no device fall asleep between takes."""

    def try_model(self, job_id: int, model: str) -> None:
        """Load another model beside the one that plays."""

    def leave_model(self, job_id: int) -> None:
        """Do not load it after all."""


class FilesPart(Protocol):
    """What the engine needs of the file thread; `model` is what files name as theirs."""

    model: str

    def submit(self, job_id: int, job: FileJob) -> None:
        """Hand in a job."""

    def poll(self) -> list[FileEvent]:
        """Take the events that have come."""


class OutputsPart(Protocol):
    """What the engine needs of whoever opens outputs."""

    def open(self, job_id: int, output: str, hostapi: str, buffer_frames: int) -> None:
        """Have another output opened."""

    def list_devices(self, job_id: int, direction: Direction) -> None:
        """Have the outputs or the inputs looked up."""


class InputsPart(Protocol):
    """What the engine needs of whoever opens the input."""

    def open(self, job_id: int, name: str, hostapi: str) -> None:
        """Have another input opened."""

    def status(self) -> AudioStatus | None:
        """What comes in, None where nothing is open."""


class OscPart(Protocol):
    """What the engine needs of the OSC server."""

    def is_local(self, client_id: int) -> bool:
        """Whether a client is on this machine."""

    def send(self, client_id: int, address: str, arguments: Sequence[TaggedValue]) -> None:
        """Answer one client."""

    def send_many(
        self, client_id: int, messages: Sequence[tuple[str, Sequence[TaggedValue]]]
    ) -> None:
        """Answer one client with many messages."""

    def show_many(self, values: Sequence[tuple[str, Sequence[TaggedValue]]]) -> None:
        """Tell everybody who wants feedback of new values."""

    def push(self, address: str, arguments: Sequence[TaggedValue]) -> None:
        """Tell everybody who wants feedback of something that happened."""

    def stream(self, address: str, arguments: Sequence[TaggedValue]) -> None:
        """Tell everybody who watches the address."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the engine works on; `free_take` gives the memory of a take back by its name."""

    audio: AudioPart
    generator: GeneratorPart
    files: FilesPart
    outputs: OutputsPart
    inputs: InputsPart
    osc: OscPart
    free_take: Callable[[str], None]
    end: Callable[[], None]
