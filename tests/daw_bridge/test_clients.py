"""Laws of feedback: bounded in rate, complete in the end; leases hold, and end."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.clients import MAX_CLIENTS, ClientBook, FeedbackQueue

OFFERS = st.lists(
    st.tuples(st.floats(0.0, 0.2), st.sampled_from("abc"), st.binary(min_size=1, max_size=3)),
    max_size=40,
)


@given(OFFERS, st.floats(1.0, 30.0))
def test_no_address_is_sent_more_often_than_the_rate_and_the_latest_value_always_is(
    offers: list[tuple[float, str, bytes]], rate_hz: float
) -> None:
    queue, now_s = FeedbackQueue(rate_hz), 0.0
    sent: list[tuple[float, bytes]] = []
    latest: dict[str, bytes] = {}
    for later_s, address, value in offers:
        now_s += later_s
        packet = address.encode() + value
        sent += [(now_s, one) for one in queue.take_due(now_s)]
        latest[address] = packet
        if queue.offer(address, packet, now_s):
            sent.append((now_s, packet))
    while (due_s := queue.next_due_s()) is not None:
        now_s = max(now_s, due_s) + 1e-9
        sent += [(now_s, one) for one in queue.take_due(now_s)]
    for address, packet in latest.items():
        times_and_packets = [(at_s, one) for at_s, one in sent if one[:1] == address.encode()]
        assert times_and_packets[-1][1] == packet
        times = [at_s for at_s, _ in times_and_packets]
        assert all(b - a >= queue.period_s - 1e-6 for a, b in pairwise(times))


def test_a_lease_ends_in_silence_and_is_renewed_by_any_word() -> None:
    book = ClientBook(lease_s=60.0)
    client = book.heard(("127.0.0.1", 9), 0.0)
    client.lease_until_s = 60.0
    assert list(book.subscribed(59.0)) == [client]
    book.heard(client.peer, 50.0)
    assert list(book.subscribed(109.0)) == [client]
    assert list(book.subscribed(111.0)) == []
    book.heard(client.peer, 112.0)
    assert list(book.subscribed(112.0)) == []


def test_a_flood_of_senders_forgets_none_that_has_a_lease() -> None:
    book = ClientBook(lease_s=60.0)
    kept = book.heard(("127.0.0.1", 9), 0.0)
    kept.lease_until_s = 60.0
    for port in range(3 * MAX_CLIENTS):
        book.heard(("10.0.0.1", port + 1), 1.0)
    assert len(book) == MAX_CLIENTS
    assert book.get(kept.client_id) is kept
