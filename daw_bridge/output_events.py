"""What is heard of outputs: facts, as frozen dataclasses. Flow: output_keeper.py → session.py."""

from dataclasses import dataclass

from daw_bridge.audio_output import DeviceInfo


@dataclass(frozen=True, slots=True)
class Device:
    """What the sound goes to.

    Attributes:
        name: Its name; "null" for a silent clock, a path for a file.
        hostapi: By which system it is reached.
        buffer_ms: Length of a block.
        latency_ms: From rendering to sounding, as the system says; 0 where it says nothing.
    """

    name: str = ""
    hostapi: str = ""
    buffer_ms: float = 0.0
    latency_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class OutputOpened:
    """Sound goes there from now on; `job_id` is who asked for it, 0 for nobody."""

    device: Device
    job_id: int = 0


@dataclass(frozen=True, slots=True)
class OutputRefused:
    """An output could not be opened, or outputs could not be listed; all is as it was."""

    job_id: int
    text: str


@dataclass(frozen=True, slots=True)
class DevicesListed:
    """The outputs of this machine, as they are now."""

    job_id: int
    devices: tuple[DeviceInfo, ...]


OutputEvent = OutputOpened | OutputRefused | DevicesListed
