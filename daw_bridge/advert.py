"""Tells the local network where the daemon is: mDNS, as controllers look for OSC and OSCQuery.

The one place that touches zeroconf, an extra. It is asked for only where the daemon listens beyond
this machine; who listens on loop-back alone is nobody's to be found. Flow: daemon.py → network.

References:
    OSCQuery Proposal, 2018: `_oscjson._tcp` for HTTP, `_osc._udp` for OSC.
"""

import ipaddress
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

NAME = "daw-bridge"
_SERVICES = ("_oscjson._tcp.local.", "_osc._udp.local.")


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the daemon listens."""

    host: str
    osc_port: int
    http_port: int

    @property
    def is_open(self) -> bool:
        """Whether other machines can reach it."""
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"


class Advert:
    """What is told, until it is taken down."""

    def __init__(self) -> None:
        self._network: AsyncZeroconf | None = None
        self._services: list[AsyncServiceInfo] = []

    async def put_up(self, where: Whereabouts) -> str:
        """Tell where the daemon is, if anybody is to know.

        Args:
            where: Where it listens.

        Returns:
            What to say to the user: empty where nothing is to be told.
        """
        if not where.is_open:
            return ""
        if find_spec("zeroconf") is None:
            return "not announced in the network: pip install 'daw-bridge[discovery]'"
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        self._network = AsyncZeroconf()
        addresses = _addresses(where.host)
        for kind, port in zip(_SERVICES, (where.http_port, where.osc_port), strict=True):
            name = f"{NAME} on {socket.gethostname()} {port}.{kind}"
            service = AsyncServiceInfo(kind, name, port=port, parsed_addresses=addresses)
            # The returned task announces it again and again; the first one has been sent by then.
            await self._network.async_register_service(service)
            self._services.append(service)
        return f"announced in the network as {', '.join(kind[:-7] for kind in _SERVICES)}"

    async def take_down(self) -> None:
        """Say goodbye."""
        if self._network is not None:
            await self._network.async_unregister_all_services()
            await self._network.async_close()
            self._network = None


def _addresses(host: str) -> list[str]:
    """The addresses under which others reach a host that is listened on."""
    if not ipaddress.ip_address(host).is_unspecified:
        return [host]
    import ifaddr

    found = [ip.ip for card in ifaddr.get_adapters() for ip in card.ips if ip.is_IPv4]
    addresses = [str(one) for one in found]
    others = [one for one in addresses if not ipaddress.ip_address(one).is_loopback]
    return others or addresses
