"""Laws of the sockets, on the real loopback: every packet has its answer or its count."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from daw_bridge.addresses import AddressBook
from daw_bridge.errors import DawBridgeError, Fault
from daw_bridge.osc import IMMEDIATELY, encode_bundle, encode_message
from daw_bridge.osc_server import OscServer, OscSettings
from daw_bridge.requests import Panic, Play, Request, SetValue, Sync
from daw_bridge.schedule import NTP_TO_UNIX_S
from tests.daw_bridge.osc_client import UdpClient, tcp_exchange

BOOK = AddressBook("/gen", 4)
LOCAL = OscSettings("127.0.0.1", 0, lease_s=60.0)


class Stage:
    """A server whose commands are kept, and a client."""

    def __init__(self) -> None:
        self.obeyed: list[tuple[Request, float | None]] = []
        self.begun: list[tuple[int, Request]] = []
        self.server = OscServer(
            LOCAL,
            BOOK,
            lambda requests, due: self.obeyed.extend((one, due) for one in requests),
        )
        self.server.begin = lambda hit: self.begun.append((len(self.obeyed), hit))
        self.client = UdpClient()

    @property
    def commands(self) -> list[object]:
        return [request.command for request, _ in self.obeyed]

    async def settle(self) -> None:
        """Everything sent so far has been obeyed."""
        self.client.send("/gen/ping", ("s", "settle"))
        await self.client.expect("/pong", lambda values: values == ["settle"])


def play(scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        stage = Stage()
        await stage.server.start()
        stage.client = await UdpClient.connect(stage.server.port)
        try:
            await scene(stage)
        finally:
            stage.client.close()
            await stage.server.close()

    asyncio.run(run())


def time_tag(ahead_s: float) -> int:
    return round((time.time() + NTP_TO_UNIX_S + ahead_s) * 2**32)


def test_a_command_arrives_and_a_ping_comes_back() -> None:
    async def scene(stage: Stage) -> None:
        stage.client.send("/gen/slot/2/gain", ("i", -6))
        stage.client.send("/gen/ping", ("i", 3), ("s", "x"), ("T", True))
        assert await stage.client.expect("/pong") == [3, "x", True]
        assert stage.obeyed[0][0].command == SetValue(2, "gain_db", -6.0)
        assert stage.server.out.is_local(stage.obeyed[0][0].client)

    play(scene)


def test_bad_values_fail_and_unknown_addresses_are_told_the_nearest() -> None:
    async def scene(stage: Stage) -> None:
        stage.client.send("/gen/slot/2/gain", ("f", 99.0))
        failed = await stage.client.expect("/fail")
        assert failed[:3] == ["/gen/slot/2/gain", 0, Fault.BAD_VALUE]
        stage.client.send("/gen/slot/2/gian")
        code, text = await stage.client.expect("/gen/error")
        assert (code, "/gen/slot/2/gain" in text) == ("unknown_address", True)
        stage.client.send("/gen/req", ("i", 7), ("s", "/gen/nowhere"))
        assert (await stage.client.expect("/fail"))[:2] == ["/gen/nowhere", 7]
        assert stage.obeyed == []

    play(scene)


def test_whatever_is_wrong_has_one_answer() -> None:
    """Who asks one thing after the other must not take one answer for the next one."""

    async def scene(stage: Stage) -> None:
        wrong = [
            encode_message("/gen/slot/17/go", (("s", "kick"),)),
            encode_message("/1/fader3", (("f", 0.5),)),
            encode_message("/gen/slot/2/gain", (("f", 99.0),)),
            encode_message("/gen/req", (("i", 3), ("s", "/gen/nowhere"))),
            b"\x01noise",
        ]
        for packet in wrong:
            stage.client.send_bytes(packet)
            stage.client.send("/gen/ping")
            answers = []
            while (message := await stage.client.received.get()).address != "/pong":
                answers.append(message.address)
            assert len(answers) == 1, answers

    play(scene)


def test_noise_is_counted_and_answered_and_nothing_else_happens() -> None:
    async def scene(stage: Stage) -> None:
        source = random.Random(3)
        for size in (1, 7, 100, 9_000, 60_000):
            stage.client.send_bytes(b"\x01" + source.randbytes(size - 1))
            assert (await stage.client.expect("/gen/error"))[0] == "bad_packet"
        assert stage.server.malformed == 5
        assert stage.obeyed == []
        await stage.settle()

    play(scene)


def test_a_burst_of_two_thousand_messages_is_obeyed_in_order() -> None:
    async def scene(stage: Stage) -> None:
        for number in range(2_000):
            stage.client.send("/gen/slot/1/seed", ("i", number))
            if number % 200 == 0:  # what the smallest usual socket buffer holds
                await stage.settle()
        await stage.settle()
        assert stage.commands == [SetValue(1, "seed", number) for number in range(2_000)]

    play(scene)


def test_a_hit_that_comes_again_is_begun_before_it_is_obeyed_and_nothing_else_is() -> None:
    async def scene(stage: Stage) -> None:
        other = await UdpClient.connect(stage.server.port)
        for client in (stage.client, other, stage.client):
            client.send("/gen/slot/1/play", ("f", 0.5))
            client.send("/gen/slot/1/play", ("f", 0.75))
            client.send("/gen/slot/1/gain", ("f", -6.0))
            client.send("/gen/slot/[12]/play")
            client.send_bytes(encode_bundle([encode_message("/gen/slot/2/play")], time_tag(-1.0)))
            plays = [encode_message(f"/gen/slot/{number}/play") for number in (1, 2)]
            client.send_bytes(encode_bundle(plays, IMMEDIATELY))
            client.send("/gen/ping")
            await client.expect("/pong")
        other.close()
        assert [hit for _, hit in stage.begun] == [
            stage.obeyed[place][0] for place, _ in stage.begun
        ]
        assert [hit.command for _, hit in stage.begun] == [Play(1, 0.5), Play(1, 0.75)]
        assert [place for place, _ in stage.begun] == [16, 17]

    play(scene)


def test_a_bundle_waits_for_its_time_and_plain_messages_do_not_wait_for_it() -> None:
    async def scene(stage: Stage) -> None:
        begun_s = time.monotonic()
        stage.client.send_bytes(encode_bundle([encode_message("/gen/panic")], time_tag(0.2)))
        await stage.settle()
        assert stage.obeyed == []
        while not stage.obeyed:
            await asyncio.sleep(0.001)
        due_s = stage.obeyed[0][1]
        assert due_s is not None
        # Wall and monotonic clock are read one after the other: a millisecond of doubt.
        assert abs(due_s - begun_s - 0.2) < 0.02
        assert time.monotonic() < due_s

    play(scene)


def test_the_distances_of_time_tags_are_kept_far_below_a_frame() -> None:
    async def scene(stage: Stage) -> None:
        panic, begin = encode_message("/gen/panic"), time_tag(0.5)
        for number in range(40):
            stage.client.send_bytes(encode_bundle([panic, panic], begin + (number << 22)))
            await asyncio.sleep(0.002)
        async with asyncio.timeout(5.0):
            while len(stage.obeyed) < 80:
                await asyncio.sleep(0.01)
        due = [due_s for _, due_s in stage.obeyed if due_s is not None]
        for number, due_s in enumerate(due):
            assert abs(due_s - due[0] - (number // 2) / 1024) < 2e-6

    play(scene)


@pytest.mark.parametrize("tag", [IMMEDIATELY, 2**32])
def test_what_comes_together_is_due_at_one_moment(tag: int) -> None:
    """At once or too late: a bar line may not fall between the messages of a bundle."""

    async def scene(stage: Stage) -> None:
        plays = [encode_message(f"/gen/slot/{slot}/play") for slot in (1, 2, 3)]
        before_s = time.monotonic()
        stage.client.send_bytes(encode_bundle(plays, tag))
        stage.client.send("/gen/panic")
        await stage.settle()
        *together, alone = [due_s for _, due_s in stage.obeyed]
        assert len(together) == 3
        (due_s,) = set(together)
        assert due_s is not None
        assert before_s <= due_s <= time.monotonic()
        assert alone is None

    play(scene)


def test_a_late_bundle_runs_at_once_and_one_far_ahead_is_refused() -> None:
    async def scene(stage: Stage) -> None:
        panic = encode_message("/gen/panic")
        stage.client.send_bytes(encode_bundle([panic], time_tag(-0.5)))
        address, late_ms = await stage.client.expect("/late")
        assert address == "/gen/panic"
        assert late_ms == pytest.approx(500.0, abs=100.0)
        stage.client.send_bytes(encode_bundle([panic], time_tag(11.0)))
        assert (await stage.client.expect("/fail"))[2] == Fault.TOO_FAR_AHEAD
        assert stage.commands == [Panic()]

    play(scene)


@pytest.mark.parametrize("slip", [False, True])
def test_tcp_speaks_both_framings(slip: bool) -> None:
    async def scene(stage: Stage) -> None:
        packets = [encode_message("/gen/ping", (("i", n), ("b", b"\xc0\xdb"))) for n in range(20)]
        answers = await tcp_exchange(stage.server.port, packets, slip=slip)
        assert [answer.arguments[0][1] for answer in answers] == list(range(20))

    play(scene)


def test_a_tcp_stream_of_noise_is_hung_up_on() -> None:
    async def scene(stage: Stage) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.port)
        writer.write(b"\x7f" * 100)
        async with asyncio.timeout(5.0):
            assert b"bad_packet" in await reader.read()
        writer.close()
        assert stage.server.malformed == 1

    play(scene)


def test_much_noise_over_tcp_still_gets_its_answer() -> None:
    async def scene(stage: Stage) -> None:
        wish = encode_message("/gen/notify", (("i", 1),))
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.port)
            writer.write(len(wish).to_bytes(4, "big") + wish + b"\x7f" * 1_000_000)
            async with asyncio.timeout(5.0):
                assert b"bad_packet" in await reader.read()
            stage.server.out.push("/gen/log", (("i", 2), ("s", "not for who was hung up on")))
            writer.close()
        await stage.settle()
        assert stage.server.malformed == 10

    play(scene)


def test_feedback_goes_to_those_who_asked_and_ends_when_they_say_so() -> None:
    async def scene(stage: Stage) -> None:
        listener = await UdpClient.connect(0, local=("127.0.0.1", 0))
        stage.client.send("/gen/notify", ("i", 1), ("i", listener.port))
        address, client_id, lease_s = await stage.client.expect("/done")
        assert (address, lease_s) == ("/gen/notify", 60.0)
        assert client_id > 0
        stage.server.out.show("/gen/tempo", (("f", 121.0),))
        assert await listener.expect("/gen/tempo") == [121.0]
        for tempo_bpm in range(122, 200):
            stage.server.out.show("/gen/tempo", (("f", float(tempo_bpm)),))
        assert await listener.expect("/gen/tempo") == [199.0]
        stage.client.send("/gen/notify", ("i", 0))
        await stage.client.expect("/done")
        stage.server.out.show("/gen/tempo", (("f", 1.0),))
        await stage.settle()
        assert listener.received.empty()
        listener.close()

    play(scene)


def test_a_controller_that_hears_on_another_port_hears_answers_there_too() -> None:
    async def scene(stage: Stage) -> None:
        listener = await UdpClient.connect(0, local=("127.0.0.1", 0))
        stage.client.send("/gen/notify", ("i", 1), ("i", listener.port))
        stage.client.send("/gen/slot/2/gain", ("f", 99.0))
        stage.client.send("/gen/ping", ("i", 3))
        for one in (stage.client, listener):
            assert (await one.expect("/fail"))[0] == "/gen/slot/2/gain"
            assert await one.expect("/pong") == [3]
        other = await UdpClient.connect(stage.server.port)
        other.send("/gen/ping", ("i", 4))
        assert await other.expect("/pong") == [4]
        assert listener.received.empty(), "what another asks is not told there"
        for one in (listener, other):
            one.close()

    play(scene)


def test_a_numbered_wish_for_feedback_is_answered_with_its_number() -> None:
    async def scene(stage: Stage) -> None:
        stage.client.send("/gen/req", ("i", 44), ("s", "/gen/notify"), ("i", 0))
        address, request_id, client_id, lease_s = await stage.client.expect("/done")
        assert (address, request_id, lease_s) == ("/gen/notify", 44, 0.0)
        assert client_id > 0

    play(scene)


def test_one_target_hears_everything_once_whoever_asked_for_it_and_may_be_signed_off() -> None:
    async def scene(stage: Stage) -> None:
        listener = await UdpClient.connect(0, local=("127.0.0.1", 0))
        for on in (1, 1, 0):
            asker = await UdpClient.connect(stage.server.port)
            asker.send("/gen/notify", ("i", on), ("i", listener.port))
            await asker.expect("/done")
            asker.close()
            stage.server.out.push("/gen/log", (("i", 2), ("s", "news")))
            await stage.settle()
        await listener.expect("/gen/log")
        await listener.expect("/gen/log")
        assert listener.received.empty()
        listener.close()

    play(scene)


def test_feedback_comes_home_when_it_is_asked_for_without_a_port() -> None:
    async def scene(stage: Stage) -> None:
        listener = await UdpClient.connect(0, local=("127.0.0.1", 0))
        for port in (("i", listener.port),), ():
            stage.client.send("/gen/notify", ("i", 1), *port)
            await stage.client.expect("/done")
        stage.server.out.show("/gen/tempo", (("f", 99.0),))
        assert await stage.client.expect("/gen/tempo") == [99.0]
        assert listener.received.empty()
        listener.close()

    play(scene)


def test_clients_from_the_settings_hear_everything_from_the_start() -> None:
    async def scene(stage: Stage) -> None:
        listener = await UdpClient.connect(0, local=("127.0.0.1", 0))
        stage.server.subscribe("localhost", listener.port)
        stage.server.out.push("/gen/startup", (("s", "1.2.3"),))
        assert await listener.expect("/gen/startup") == ["1.2.3"]
        listener.close()

    play(scene)


def test_a_taken_port_is_told_in_words() -> None:
    async def run() -> None:
        first = Stage().server
        await first.start()
        second = OscServer(OscSettings("127.0.0.1", first.port, 60.0), BOOK, lambda *_: None)
        with pytest.raises(DawBridgeError, match=str(first.port)):
            await second.start()
        await first.close()

    asyncio.run(run())


def test_a_sync_waits_for_the_bundles_before_it_and_for_no_later_one() -> None:
    async def scene(stage: Stage) -> None:
        stage.client.send_bytes(encode_bundle([encode_message("/gen/panic")], time_tag(0.25)))
        await stage.settle()
        stage.client.send("/gen/sync", ("i", 4))
        stage.client.send_bytes(encode_bundle([encode_message("/gen/panic")], time_tag(5.0)))
        await stage.settle()
        assert stage.commands == []
        async with asyncio.timeout(5.0):
            while len(stage.obeyed) < 2:
                await asyncio.sleep(0.005)
        assert stage.commands == [Panic(), Sync(4)]

    play(scene)


def test_a_sync_with_nothing_before_it_does_not_wait() -> None:
    async def scene(stage: Stage) -> None:
        stage.client.send("/gen/sync", ("i", 4))
        await stage.settle()
        assert stage.commands == [Sync(4)]

    play(scene)


def test_bundles_that_are_taken_back_are_answered_and_never_obeyed() -> None:
    async def scene(stage: Stage) -> None:
        wrapped = encode_message("/gen/req", (("i", 7), ("s", "/gen/panic")))
        stage.client.send_bytes(encode_bundle([wrapped], time_tag(0.2)))
        await stage.settle()
        stage.client.send("/gen/sync", ("i", 1))
        stage.client.send("/gen/clear_sched")
        failed = await stage.client.expect("/fail")
        assert failed[:3] == ["/gen/panic", 7, Fault.CANCELLED]
        await stage.settle()
        assert stage.commands == [Sync(1)]
        await asyncio.sleep(0.3)
        assert stage.commands == [Sync(1)]

    play(scene)


def test_a_dump_writes_what_comes_until_it_is_told_to_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(stage: Stage) -> None:
        for level, has_text, has_bytes in ((1, True, False), (2, False, True), (0, False, False)):
            stage.client.send("/gen/dump", ("i", level))
            await stage.settle()
            caplog.clear()
            stage.client.send("/gen/slot/2/gain", ("f", -7.0))
            await stage.settle()
            assert ("/gen/slot/2/gain ,f -7.0" in caplog.text) == has_text
            assert (b"/gen/slot/2/gain".hex(" ") in caplog.text) == has_bytes

    play(scene)


def test_a_stream_goes_to_those_who_asked_for_it_and_to_nobody_else() -> None:
    async def scene(stage: Stage) -> None:
        other = await UdpClient.connect(stage.server.port)
        other.send("/gen/notify", ("i", 1))
        await other.expect("/done")
        stage.client.send("/gen/beat", ("i", 1))
        await stage.settle()
        beat = (("i", 1), ("i", 2), ("f", 120.0))
        stage.server.out.stream("/gen/beat", beat)
        assert await stage.client.expect("/gen/beat") == [1, 2, 120.0]
        stage.client.send("/gen/beat", ("i", 0))
        await stage.settle()
        stage.server.out.stream("/gen/beat", beat)
        await stage.settle()
        assert stage.client.received.empty()
        assert other.received.empty()
        other.close()

    play(scene)
