"""What is heard of outputs and of the input: facts, as frozen dataclasses.

Flow: output_keeper.py and input_keeper.py → session.py.
"""

from dataclasses import dataclass

from daw_bridge.portaudio import DeviceInfo


@dataclass(frozen=True, slots=True)
class Device:
    """What the sound goes to or comes from.

    Attributes:
        name: Its name; "null" for a silent clock, a path for a file, empty for none.
        hostapi: By which system it is reached.
        buffer_ms: Length of a block.
        latency_ms: Between computing and sound, as the system says; 0 where it says nothing.
        pairs: How many stereo pairs of those that are wanted it has.
    """

    name: str = ""
    hostapi: str = ""
    buffer_ms: float = 0.0
    latency_ms: float = 0.0
    pairs: int = 1


@dataclass(frozen=True, slots=True)
class OutputOpened:
    """Sound goes there from now on; `job_id` is who asked for it, 0 for nobody."""

    device: Device
    job_id: int = 0


@dataclass(frozen=True, slots=True)
class OutputRefused:
    """A device could not be opened, or devices could not be listed; all is as it was."""

    job_id: int
    text: str


@dataclass(frozen=True, slots=True)
class InputOpened:
    """Sound comes from there from now on; `job_id` is who asked for it, 0 for nobody.

    Where there is no device (any more), `trouble` tells why; it is empty where none is wanted.
    """

    device: Device
    job_id: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class DevicesListed:
    """The outputs or the inputs of this machine, as they are now."""

    job_id: int
    devices: tuple[DeviceInfo, ...]


OutputEvent = OutputOpened | OutputRefused | InputOpened | DevicesListed
