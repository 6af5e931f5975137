"""HTTP and its WebSocket from outside: a real daemon, and a client as a browser would be one."""

import json
import socket
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websocket

from daw_bridge.osc import Message, decode_packet, encode_message
from tests.daemon_rig import running_daemon

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="children are found in /proc")


Heard = dict[str, list[list[Any]]]


def hear_until(client: websocket.WebSocket, is_enough: Callable[[Heard], bool]) -> Heard:
    """Collect messages by their address, in whatever order they come, until they are enough."""
    heard: Heard = defaultdict(list)
    while not is_enough(heard):
        _, packet = client.recv_data()
        for timed in decode_packet(packet):
            assert isinstance(timed.message, Message)
            values = [value for _, value in timed.message.arguments]
            heard[timed.message.address].append(values)
    return heard


def test_a_web_page_can_play_and_hears_what_others_do(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as rig:
        url = f"ws://127.0.0.1:{rig.http_port}/"
        client = websocket.create_connection(url, timeout=20.0, origin=url.replace("ws", "http"))
        try:
            for address in ("/gen/slot/1/gain", "/gen/slot/1/state", "/gen/master/meter"):
                client.send(json.dumps({"COMMAND": "LISTEN", "DATA": address}))
            go = encode_message("/gen/slot/1/go", (("s", "a pad"), ("i", 5)))
            client.send_binary(go)
            heard = hear_until(
                client,
                lambda heard: (
                    bool(heard["/done"])
                    and ["playing"] in heard["/gen/slot/1/state"]
                    and any(values[0] >= -60.0 for values in heard["/gen/master/meter"])
                ),
            )
            assert heard["/done"][0][:4] == ["/gen/slot/1/go", 0, 1, 5]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as fader:
                packet = encode_message("/gen/slot/1/gain", (("f", -9.0),))
                fader.sendto(packet, ("127.0.0.1", rig.osc_port))
            heard = hear_until(client, lambda heard: bool(heard["/gen/slot/1/gain"]))
            assert heard["/gen/slot/1/gain"] == [[-9.0]]
            client.close()
        finally:
            client.shutdown()  # type: ignore[no-untyped-call]
    assert rig.shared_memory() == []
