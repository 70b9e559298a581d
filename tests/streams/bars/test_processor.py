"""Bars: ``[open, close)`` of event time, closed by a later tick or a clock, the same under any chunking."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.market import Bar, Clock
from contracts.operations import DeadCause
from streams.bars import BarProcessor
from streams.bars.intervals import IntervalInvalid, interval_ns
from tests.streams.ticks import SECOND_NS, batch, batches, trades, walk

COUNT = 1_200
WALK = walk(COUNT, pause_ns=90_000_000)
cuts_of_walk = st.lists(st.integers(1, COUNT - 1), max_size=30)


def plain_bars(columns, interval, length_ns):
    """The bars of whole data, each from a list of its own trades; the last interval is not over."""
    groups = {}
    rows = zip(*(columns[name].tolist() for name in ("ts_event_ns", "price", "size")), strict=True)
    for seq, (ts_event_ns, price, size) in enumerate(rows, 1):
        groups.setdefault(ts_event_ns // length_ns, []).append((seq, price, size))
    for start, members in list(groups.items())[:-1]:
        seqs, prices, sizes = zip(*members, strict=True)
        yield Bar(
            source="test",
            venue="CME",
            symbol="ES",
            interval=interval,
            ts_open_ns=start * length_ns,
            ts_event_ns=(start + 1) * length_ns,
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[-1],
            volume=sum(sizes),
            vwap=sum(price * size for price, size in zip(prices, sizes, strict=True)) / sum(sizes),
            trades=len(members),
            first_seq=seqs[0],
            last_seq=seqs[-1],
        )


def made(parts, processor=None):
    processor = processor or BarProcessor()
    return [bar for part in parts for bar in processor.process(part)]


def clock(ts_event_ns, *, source="test", is_final=False):
    return Clock(source=source, ts_event_ns=ts_event_ns, ts_recv_ns=0, is_final=is_final)


def at(seconds, price=10.0, size=1.0):
    return (int(seconds * SECOND_NS), price, size, 0)


@pytest.mark.parametrize("interval", ["1s", "1m"])
def test_equals_bars_made_from_lists(interval):
    bars = [bar for bar in made(batches(WALK)) if bar.interval == interval]
    expected = list(plain_bars(WALK, interval, interval_ns(interval)))
    assert len(bars) == len(expected) >= 3
    assert bars == expected


@given(cuts_of_walk)
def test_the_same_bars_in_the_same_order_under_any_chunking(cuts):
    assert made(batches(WALK, cuts)) == made(batches(WALK))


@given(st.integers(1, COUNT - 1))
def test_a_poisoned_future_changes_no_bar_that_was_closed(row):
    before = made(batches({name: column[:row] for name, column in WALK.items()}))
    poisoned = {name: column.copy() for name, column in WALK.items()}
    poisoned["price"][row:] *= 50.0
    poisoned["ts_event_ns"][row:] += 10**15
    assert made(batches(poisoned))[: len(before)] == before


def test_a_trade_at_the_end_belongs_to_the_next_interval():
    bars = made([batch(trades([at(1.0), at(1.999999999), at(2.0, price=11.0)]))], BarProcessor(["1s"]))
    (bar,) = bars
    assert (bar.ts_open_ns, bar.ts_event_ns) == (SECOND_NS, 2 * SECOND_NS)
    assert (bar.trades, bar.high) == (2, 10.0)


def test_an_interval_without_trades_makes_no_bar():
    bars = made([batch(trades([at(1.5), at(9.5), at(10.5)]))], BarProcessor(["1s"]))
    assert [bar.ts_open_ns // SECOND_NS for bar in bars] == [1, 9]


def test_a_clock_closes_what_is_over_and_nothing_else():
    processor = BarProcessor()
    assert processor.process(batch(trades([at(1.5)]))) == []
    assert processor.advance(clock(2 * SECOND_NS - 1)) == []
    (bar,) = processor.advance(clock(2 * SECOND_NS))
    assert (bar.interval, bar.ts_event_ns, bar.trades) == ("1s", 2 * SECOND_NS, 1)
    assert processor.advance(clock(2 * SECOND_NS)) == []
    (minute,) = processor.advance(clock(60 * SECOND_NS))
    assert minute.interval == "1m"


def test_the_clock_of_another_source_closes_nothing():
    processor = BarProcessor()
    processor.process(batch(trades([at(1.5)])))
    assert processor.advance(clock(99 * SECOND_NS, source="other")) == []


def test_a_final_clock_closes_no_interval_early():
    processor = BarProcessor(["1m"])
    processor.process(batch(trades([at(1.5)])))
    assert processor.advance(clock(2 * SECOND_NS, is_final=True)) == []


@given(cuts_of_walk, st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=20))
def test_clocks_change_when_a_bar_comes_and_never_what_it_says(cuts, ticks):
    """Each clock tells the time of the last trade published, as a feed's does."""
    processor = BarProcessor()
    found = []
    for part in batches(WALK, [*cuts, *ticks]):
        found += processor.process(part)
        last = part.first_seq + part.count - 2
        if last in ticks:
            found += processor.advance(clock(int(WALK["ts_event_ns"][last])))
    assert sorted(found, key=order) == sorted(made(batches(WALK)), key=order)


def order(bar):
    return bar.interval, bar.ts_event_ns


def test_a_trade_before_the_clock_is_set_aside_and_in_no_bar():
    processor = BarProcessor(["1s"])
    processor.process(batch(trades([at(1.5)])))
    processor.advance(clock(3 * SECOND_NS))
    assert processor.process(batch(trades([at(1.6), at(3.0)]), first_seq=2)) == []
    (late,) = processor.take_aside()
    assert (late.cause, late.seq) == (DeadCause.TIME_WENT_BACK, 2)
    (bar,) = processor.advance(clock(4 * SECOND_NS))
    assert (bar.trades, bar.first_seq) == (1, 3)


def test_a_repeated_batch_is_counted_once():
    processor = BarProcessor(["1s"])
    parts = [batch(trades([at(1.5)])), batch(trades([at(1.5)])), batch(trades([at(2.5)]), first_seq=2)]
    (bar,) = made(parts, processor)
    assert bar.trades == 1
    assert processor.statistics().rows.duplicates == 1


def test_the_average_never_leaves_the_prices_it_averages():
    bars = made([batch(trades([*(at(1.5, 0.1, 0.1) for _ in range(3)), at(2.5)]))], BarProcessor(["1s"]))
    assert bars[0].vwap == 0.1


def test_without_volume_the_average_is_the_close():
    bars = made([batch(trades([at(1.5, 8.0, 0.0), at(1.6, 9.0, 0.0), at(2.5)]))], BarProcessor(["1s"]))
    assert (bars[0].volume, bars[0].vwap) == (0.0, 9.0)


def test_its_bars_survive_the_codec():
    for bar in made(batches(WALK)):
        assert codec.decode(Bar, codec.encode(bar)) == bar


def test_symbols_and_sources_have_bars_each():
    processor = BarProcessor(["1s"])
    for names in ({}, {"symbol": "NQ"}, {"source": "other"}):
        processor.process(batch(trades([at(1.5)]), **names))
    bars = processor.advance(clock(2 * SECOND_NS))
    assert sorted(bar.symbol for bar in bars) == ["ES", "NQ"]


@pytest.mark.parametrize(("interval", "length"), [("1s", 1), ("5m", 300), ("4h", 14_400)])
def test_an_interval_is_a_count_and_a_unit(interval, length):
    assert interval_ns(interval) == length * SECOND_NS


@pytest.mark.parametrize("interval", ["0s", "1d", "s", "01m", "10000s", " 1s"])
def test_any_other_interval_is_refused(interval):
    with pytest.raises(IntervalInvalid, match="expected 1 to 9999 and s, m or h, such as 1s or 5m"):
        BarProcessor([interval])
