"""The daemon in the network: another peer of mDNS finds it, if it listens beyond this machine."""

import asyncio
import sys
from pathlib import Path

import pytest

from daw_bridge.advert import Advert, Whereabouts
from tests.own_network import needs_network, run_alone

PEER = """
import asyncio, time
from zeroconf import ServiceBrowser, Zeroconf
from daw_bridge.advert import Advert, Whereabouts

found = {}

class Ears:
    def add_service(self, network, kind, name):
        found[kind] = network.get_service_info(kind, name).port
    def update_service(self, network, kind, name):
        pass
    def remove_service(self, network, kind, name):
        found.pop(kind, None)

async def main():
    network = Zeroconf()
    ServiceBrowser(network, ["_oscjson._tcp.local.", "_osc._udp.local."], Ears())
    advert = Advert()
    print(await advert.put_up(Whereabouts("0.0.0.0", 7770, 7771)))
    end_s = time.monotonic() + 15.0
    while len(found) < 2 and time.monotonic() < end_s:
        await asyncio.sleep(0.05)
    print(sorted(found.items()))
    await advert.take_down()
    while found and time.monotonic() < end_s:
        await asyncio.sleep(0.05)
    print("gone" if not found else found)

asyncio.run(main())
"""


@needs_network
def test_another_peer_finds_both_ports_and_sees_them_go(tmp_path: Path) -> None:
    """In a network of its own, which nobody else hears."""
    (tmp_path / "peer.py").write_text(PEER)
    result = run_alone(f"{sys.executable} {tmp_path}/peer.py")
    assert "('_osc._udp.local.', 7770), ('_oscjson._tcp.local.', 7771)" in result.stdout, result
    assert result.stdout.endswith("gone\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_who_listens_to_this_machine_alone_is_not_announced(host: str) -> None:
    async def scene() -> None:
        advert = Advert()
        assert await advert.put_up(Whereabouts(host, 1, 2)) == ""
        await advert.take_down()

    asyncio.run(scene())
