"""OSC packets in a stream: a length before each (OSC 1.0) or SLIP frames (OSC 1.1). Pure.

The first byte of a stream tells which: a length below 16 MiB begins with zero, a SLIP frame with
END or at once with the packet. It does not know what is in a packet.
Flow: osc_server.py feeds it what a TCP connection brings, and sends what it frames.

References:
    RFC 1055, "Nonstandard for transmission of IP datagrams over serial lines: SLIP", 1988.
"""

from daw_bridge.osc import MAX_PACKET_BYTES

_END, _ESCAPE = b"\xc0", b"\xdb"
_ESCAPED_END, _ESCAPED_ESCAPE = b"\xdb\xdc", b"\xdb\xdd"
_SLIP_STARTS = (_END, b"/", b"#")
_LENGTH_BYTES = 4


class Framer:
    """Cuts one stream into packets, and frames packets in the way that the stream came in."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_slip: bool | None = None

    def feed(self, content: bytes) -> list[bytes]:
        """Add what came.

        Args:
            content: Any number of bytes.

        Returns:
            The packets that are complete now.

        Raises:
            ValueError: This stream cannot be read any further.
        """
        self._rest += content
        if self._is_slip is None and self._rest:
            self._is_slip = self._rest.startswith(_SLIP_STARTS)
        packets = self._cut_slip() if self._is_slip else self._cut_lengths()
        if len(self._rest) > 2 * MAX_PACKET_BYTES:
            raise ValueError(f"a packet has more than {MAX_PACKET_BYTES} bytes")
        return packets

    def frame(self, packet: bytes) -> bytes:
        """Put a packet into the stream's own form; with a length before it if nothing came yet."""
        if not self._is_slip:
            return len(packet).to_bytes(_LENGTH_BYTES, "big") + packet
        escaped = packet.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END)
        return _END + escaped + _END

    def _cut_slip(self) -> list[bytes]:
        *frames, self._rest = self._rest.split(_END)
        return [
            frame.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE)
            for frame in frames
            if frame
        ]

    def _cut_lengths(self) -> list[bytes]:
        packets, start = [], 0
        while len(self._rest) - start >= _LENGTH_BYTES:
            length = int.from_bytes(self._rest[start : start + _LENGTH_BYTES], "big")
            if length > MAX_PACKET_BYTES:
                raise ValueError(f"a packet has {length} bytes; at most {MAX_PACKET_BYTES} will do")
            end = start + _LENGTH_BYTES + length
            if end > len(self._rest):
                break
            packets.append(self._rest[start + _LENGTH_BYTES : end])
            start = end
        self._rest = self._rest[start:]
        return packets
