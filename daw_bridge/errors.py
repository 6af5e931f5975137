"""The tree of errors of the daemon, and the numbers that `/fail` carries.

Every text says what was found, what is allowed and what to do. This file knows nothing of OSC bytes
or of where an answer goes; every other file of the package may import it.

    DawBridgeError
    ├── CommandError      a message that cannot be obeyed; nothing has changed
    ├── SettingsError     a settings file, variable or option that cannot be used
    ├── PresetError       a preset or state file that cannot be read or written
    └── AudioError        the device, the audio process or its memory
        ├── QueueFull     the audio process takes no more commands just now
        └── EffectsMissing  there is nothing here that computes the effects
"""

from enum import IntEnum


class Fault(IntEnum):
    """Why a message was refused or a request failed: the code of `/fail`."""

    BAD_PACKET = 400
    FORBIDDEN = 403
    UNKNOWN_ADDRESS = 404
    NOT_READY = 409
    SUPERSEDED = 410
    TOO_LARGE = 413
    BAD_VALUE = 422
    TOO_FAR_AHEAD = 425
    QUEUE_FULL = 429
    CANCELLED = 499
    INTERNAL = 500
    NOT_AVAILABLE = 501
    GENERATOR_FAILED = 503
    DISK = 507


class DawBridgeError(Exception):
    """The root of everything that the daemon raises on purpose."""


class CommandError(DawBridgeError):
    """A message that cannot be obeyed. Nothing has changed because of it."""

    def __init__(self, fault: Fault, text: str, *, address: str = "", request_id: int = 0) -> None:
        """Describe the refusal.

        Args:
            fault: Why it was refused.
            text: What was found, what is allowed and what to do.
            address: The full address that was asked for, empty where none could be read.
            request_id: The id that the sender gave, 0 for none.
        """
        super().__init__(text)
        self.fault = fault
        self.text = text
        self.address = address
        self.request_id = request_id


class SettingsError(DawBridgeError):
    """One or more settings cannot be used; the text names them all."""


class PresetError(DawBridgeError):
    """A preset or state file that cannot be used; the text names everything that is wrong."""


class AudioError(DawBridgeError):
    """The audio device, the audio process or its shared memory failed."""


class QueueFull(AudioError):  # noqa: N818 - it says what happened, as `queue.Full` does
    """The ring to the audio process is full: the command was not sent."""


class EffectsMissing(AudioError):  # noqa: N818 - it says what is the case
    """There is nothing on this machine that computes the effects; all else works."""
