"""A small OSC client for measurements: one UDP socket that sends and waits for replies.

Knows addresses only as text; what they mean is known by who measures.
"""

import socket
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from daw_bridge.osc import Message, TaggedValue, decode_packet, encode_message


class OscClient:
    """Talks with one daemon on this machine.

    Args:
        port: The daemon's UDP port.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._daemon = ("127.0.0.1", port)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, address: str, *arguments: TaggedValue) -> float:
        """Send one message and return the monotonic time, in seconds, just before it left."""
        packet = encode_message(address, arguments)
        sent_s = time.monotonic()
        self._socket.sendto(packet, self._daemon)
        return sent_s

    def messages(self, timeout_s: float) -> Iterator[Message]:
        """Yield what arrives until the time is up."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0.0:
            self._socket.settimeout(left_s)
            try:
                packet = self._socket.recv(65_536)
            except (TimeoutError, ConnectionRefusedError):
                continue
            for timed in decode_packet(packet):
                if isinstance(timed.message, Message):
                    yield timed.message

    def wait_for(self, address: str, timeout_s: float, first: object = None) -> Message | None:
        """Return the next message of an address.

        Args:
            address: The full address.
            timeout_s: How long to wait, in seconds.
            first: What its first argument must be, where that matters.

        Returns:
            The message, or None if the time was up.
        """
        for message in self.messages(timeout_s):
            begins = not message.arguments or first in (None, message.arguments[0][1])
            if message.address == address and begins:
                return message
        return None
