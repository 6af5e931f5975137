"""A small OSC client for tests, on real sockets of the loopback."""

import asyncio
from collections.abc import Callable
from typing import Any

from daw_bridge.framing import Framer
from daw_bridge.osc import Message, TaggedValue, decode_packet, encode_message

WAIT_S = 5.0


class UdpClient(asyncio.DatagramProtocol):
    """Sends messages and collects what comes back."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[Message] = asyncio.Queue()
        self.transport: Any = None

    @classmethod
    async def connect(cls, port: int, local: tuple[str, int] | None = None) -> "UdpClient":
        loop = asyncio.get_running_loop()
        remote = ("127.0.0.1", port) if local is None else None
        _, client = await loop.create_datagram_endpoint(cls, local_addr=local, remote_addr=remote)
        return client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, packet: bytes, address: Any) -> None:
        for timed in decode_packet(packet):
            assert isinstance(timed.message, Message)
            self.received.put_nowait(timed.message)

    def send(self, address: str, *arguments: TaggedValue) -> None:
        self.transport.sendto(encode_message(address, arguments))

    def send_bytes(self, packet: bytes) -> None:
        self.transport.sendto(packet)

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    async def expect(
        self,
        address: str,
        check: Callable[[list[Any]], bool] = lambda _: True,
        *,
        patience_s: float = WAIT_S,
    ) -> list[Any]:
        """Wait for a message; others before it are passed over."""
        async with asyncio.timeout(patience_s):
            while True:
                message = await self.received.get()
                values = [value for _, value in message.arguments]
                if message.address == address and check(values):
                    return values

    def close(self) -> None:
        self.transport.close()


async def tcp_exchange(port: int, packets: list[bytes], *, slip: bool) -> list[Message]:
    """Send packets over TCP, and read as many messages back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    framer = Framer()
    if slip:
        framer.feed(b"\xc0")
    writer.write(b"".join(framer.frame(packet) for packet in packets))
    messages: list[Message] = []
    async with asyncio.timeout(WAIT_S):
        while len(messages) < len(packets):
            for packet in framer.feed(await reader.read(65_536)):
                messages += [
                    one.message for one in decode_packet(packet) if isinstance(one.message, Message)
                ]
    writer.close()
    await writer.wait_closed()
    return messages
