"""Resuming: what a subject holds already is not published again, and nothing else is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.columns import feature_columns, feature_layout, pack
from contracts.features import FeatureBatch
from contracts.market import Bar
from services.features.resume import Resume
from streams.bus import Message


def rows(source, first, last):
    count = last - first + 1
    seqs = range(first, last + 1)
    columns = {
        "seq": list(seqs),
        "ts_event_ns": list(seqs),
        "price": [1.0] * count,
        "valid": [1] * count,
        "rsi": list(seqs),
    }
    packed = pack(feature_layout(["rsi"]), columns)
    return FeatureBatch(
        set="core",
        source=source,
        venue="CME",
        symbol="ES",
        names=("rsi",),
        count=count,
        ts_recv_ns=0,
        columns=packed,
    )


def bar(source, start):
    prices = dict.fromkeys(("open", "high", "low", "close", "vwap"), 1.0)
    numbers = {"volume": 1.0, "trades": 1, "first_seq": 1, "last_seq": 1}
    names = {"source": source, "venue": "CME", "symbol": "ES", "interval": "1s"}
    return Bar(ts_open_ns=start, ts_event_ns=start + 1, **names, **prices, **numbers)


def resume(held, *, behind=()):
    """A subject that holds ``held``, and ``behind`` it bytes that nobody can read."""
    asked = []

    async def newest_first(stream, subject):
        asked.append((stream, subject))
        for payload in (*behind, *([] if held is None else [codec.encode(held)])):
            yield Message(subject, payload, stream=stream, stream_seq=1)

    made = Resume(newest_first)
    made.asked = asked
    return made


async def passed(made, batches):
    found = []
    for batch in batches:
        new = await made.new_rows("subject", batch)
        if new is not None:
            columns = feature_columns(new)
            assert columns["rsi"].tolist() == columns["seq"].tolist()
            found += [(new.source, seq) for seq in columns["seq"].tolist()]
    return found


ORDER = [("a", 1, 4), ("b", 1, 3), ("a", 5, 6), ("b", 4, 9)]
ROWS = [(source, seq) for source, first, last in ORDER for seq in range(first, last + 1)]


@given(st.integers(0, len(ROWS)))
async def test_what_was_published_and_what_is_new_make_the_whole(published):
    """Wherever the publishing ended, in the middle of a batch too, and with sources that take turns."""
    held = None
    if published:
        source, seq = ROWS[published - 1]
        held = rows(source, seq, seq)
    assert await passed(resume(held), [rows(*part) for part in ORDER]) == ROWS[published:]


async def test_asks_once_a_subject():
    made = resume(rows("a", 1, 2))
    await passed(made, [rows("a", 1, 1), rows("a", 2, 2), rows("a", 3, 3)])
    assert made.asked == [("FEATURES", "subject")]


async def test_input_that_came_after_the_start_makes_only_new_rows():
    """The source of the last row may be gone from a stream that discards its oldest."""
    made = resume(rows("gone", 1, 9))
    made.end()
    assert await passed(made, [rows("a", 1, 2)]) == [("a", 1), ("a", 2)]


@pytest.mark.parametrize("published", range(5))
async def test_bars_likewise(published):
    order = [("a", 10), ("a", 20), ("b", 15), ("b", 25)]
    made = resume(bar(*order[published - 1]) if published else None)
    found = [part for part in order if await made.is_new_bar("subject", bar(*part))]
    assert found == order[published:]


async def test_garbage_on_the_subject_is_looked_behind():
    made = resume(rows("es", 1, 5), behind=(b"\xc1", b"no batch"))
    new = await made.new_rows("subject", rows("es", 4, 8))
    assert list(feature_columns(new)["seq"]) == [6, 7, 8]
