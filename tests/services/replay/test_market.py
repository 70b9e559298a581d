"""The market fed again: every tick and clock once, in stream order, in batches of any size."""

import pytest

from contracts.columns import ticks
from contracts.market import Clock, TickBatch
from services.replay.market import market_events
from services.replay.scene import market
from streams.journal.rows import journal_files
from streams.journal.writer import JournalWriter


@pytest.fixture(scope="module")
def sent():
    return list(market(seed=3, steps=12, trades_a_step=5))


@pytest.fixture(scope="module", params=[(), (5,), (1, 2, 3, 30)], ids=["one flush", "two", "five"])
def files(request, sent, tmp_path_factory):
    writer = JournalWriter(tmp_path_factory.mktemp("journal"))
    for seq, message in enumerate(sent, start=1):
        writer.add(message, subject="md", stream="MARKET", stream_seq=seq, ts_store_ns=1)
        if seq in request.param:
            writer.flush()
    writer.flush()
    return journal_files(writer.folder)


def rows(messages):
    """Ticks and clocks one by one, in order."""
    found = []
    for message in messages:
        found += [message] if isinstance(message, Clock) else ticks(message)
    return found


def test_messages_come_as_they_were_recorded(files, sent):
    assert [event.message for event in market_events(files)] == sent


@pytest.mark.parametrize("batch_rows", [1, 2, 7, 4096])
def test_rows_come_in_the_same_order_whatever_the_batch(files, sent, batch_rows):
    events = list(market_events(files, batch_rows))

    assert rows(event.message for event in events) == rows(sent)
    sizes = [event.message.count for event in events if isinstance(event.message, TickBatch)]
    assert max(sizes) <= batch_rows
    assert all(event.ts_event_ns >= getattr(event.message, "ts_event_ns", 0) for event in events)


def test_messages_that_follow_each_other_are_joined_and_nothing_else_is(tmp_path, sent):
    trades = [message for message in sent if isinstance(message, TickBatch) and message.symbol == "ES"]
    lost = [trades[0], trades[1], trades[3], trades[4]]
    writer = JournalWriter(tmp_path)
    for seq, message in enumerate(lost, start=1):
        writer.add(message, subject="md", stream="MARKET", stream_seq=seq, ts_store_ns=1)
    writer.flush()

    events = [event.message for event in market_events(journal_files(tmp_path), 4096)]

    assert [(event.first_seq, event.count) for event in events] == [
        (1, trades[0].count + trades[1].count),
        (trades[3].first_seq, trades[3].count + trades[4].count),
    ]
