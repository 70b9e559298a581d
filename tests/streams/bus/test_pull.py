"""How much a puller asks for. See streams/bus/pull.py."""

from hypothesis import given
from hypothesis import strategies as st

from streams.bus.messages import Delivery, parse_delivery
from streams.bus.pull import PullFlow


def test_asks_two_batches_ahead_and_then_waits():
    flow = PullFlow(64)
    assert [flow.ask(0), flow.ask(0), flow.ask(0)] == [64, 64, 0]


def test_asks_again_when_a_whole_batch_has_come_and_was_taken():
    flow = PullFlow(2)
    flow.ask(0)
    flow.ask(0)
    flow.came()
    flow.came()
    assert flow.ask(2) == 0
    assert flow.ask(0) == 2


def test_an_ended_request_is_asked_for_again():
    flow = PullFlow(64)
    flow.ask(0)
    flow.ask(0)
    flow.ended(60)
    assert flow.ask(0) == 0
    flow.ended(4)
    assert flow.ask(0) == 64


@given(st.lists(st.sampled_from(["came", "took", "ended", "ask"]), max_size=200), st.integers(1, 8))
def test_what_waits_and_what_is_under_way_never_exceeds_two_batches(steps, batch_max):
    flow, waiting = PullFlow(batch_max), 0
    for step in steps:
        if step == "came" and flow.in_flight:
            flow.came()
            waiting += 1
        elif step == "took":
            waiting = max(0, waiting - batch_max)
        elif step == "ended":
            flow.ended(batch_max)
        elif step == "ask":
            flow.ask(waiting)
        assert flow.in_flight + waiting <= 2 * batch_max


def test_reads_where_a_message_stands_from_its_reply_subject():
    reply = "$JS.ACK.MARKET.features-1.2.10.7.1795163141946261326.5"
    expected = Delivery("MARKET", 2, 10, 7, 1_795_163_141_946_261_326, 5)
    assert parse_delivery(reply) == expected
    assert parse_delivery("$JS.ACK.hub.acc.MARKET.features-1.2.10.7.1795163141946261326.5.x") == expected


def test_other_reply_subjects_are_no_delivery():
    assert parse_delivery("_INBOX.feed.abc.1") is None
    assert parse_delivery("a.b.c.d.e.f.g.h.i") is None
