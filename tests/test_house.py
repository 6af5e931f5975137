"""The rules of the tests themselves: warnings are errors, the network ends at this machine."""

import socket
import warnings

import pytest


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="on purpose"):
        warnings.warn("on purpose", UserWarning, stacklevel=1)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_no_socket_leaves_this_machine(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.socket(family, socket.SOCK_DGRAM) as sender,
        pytest.raises(OSError, match="no network beyond this machine"),
    ):
        sender.sendto(b"", (host, 9))


def test_names_are_not_looked_up() -> None:
    with pytest.raises(OSError, match="no network beyond this machine"):
        socket.getaddrinfo("example.org", 80)


def test_loopback_is_open() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5.0)
        receiver.sendto(b"here", receiver.getsockname())
        assert receiver.recv(16) == b"here"
