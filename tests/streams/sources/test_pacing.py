"""When batches and clocks are due. See streams/sources/pacing.py."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contracts.scalars import MILLISECOND_NS, SECOND_NS
from streams.sources import Ticks
from streams.sources.batching import Batch, batched
from streams.sources.pacing import CLOCK_WALL_NS, ClockDue, Pacer, schedule
from streams.sources.ticks import empty_columns


def lane(symbol: str, times_ns: list[int], linger_ns: int) -> Iterator[Batch]:
    columns = empty_columns(len(times_ns))
    columns["ts_event_ns"] = np.array(times_ns, dtype=np.int64)
    ticks = [Ticks(venue="SIM", symbol=symbol, columns=columns)] if times_ns else []
    return batched(iter(ticks), rows_max=4, linger_ns=linger_ns)


def test_wall_time_is_event_time_over_speed():
    real = Pacer(start_ns=100, speed=1.0)
    assert (real.offset_ns(100), real.offset_ns(350), real.offset_ns(50)) == (0, 250, 0)
    fast = Pacer(start_ns=0, speed=20.0)
    assert fast.offset_ns(60 * SECOND_NS) == 3 * SECOND_NS
    assert fast.linger_ns(5 * MILLISECOND_NS) == 100 * MILLISECOND_NS
    assert Pacer(start_ns=0, speed=0.0).offset_ns(10**18) == 0


def test_merges_symbols_by_time_with_the_earlier_lane_first_on_a_tie():
    pacer = Pacer(start_ns=0, speed=1.0)
    items = schedule([lane("A", [10, 30], 0), lane("B", [10, 20], 0)], pacer, linger_ns=0)
    found = [(item.symbol, item.due_ns) for item in items if isinstance(item, Batch)]
    assert found == [("A", 10), ("B", 10), ("B", 20), ("A", 30)]


def test_clocks_go_on_when_nothing_trades_until_the_end():
    pacer = Pacer(start_ns=0, speed=2.0)
    items = list(schedule([lane("A", [0], 0)], pacer, linger_ns=0, end_ns=SECOND_NS))
    clocks = [item for item in items if isinstance(item, ClockDue)]
    assert [clock.due_ns for clock in clocks] == [200 * MILLISECOND_NS * step for step in range(1, 6)]
    assert [clock.is_final for clock in clocks] == [False] * 4 + [True]
    assert clocks[-1].ts_event_ns == SECOND_NS


def test_nothing_at_all_still_ends_with_a_final_clock():
    items = list(schedule([lane("A", [], 0)], Pacer(start_ns=7, speed=1.0), linger_ns=0))
    assert items == [ClockDue(due_ns=7, ts_event_ns=7, is_final=True)]


def test_as_fast_as_possible_nobody_waits_through_a_silent_night():
    pacer = Pacer(start_ns=0, speed=0.0)
    items = list(schedule([lane("A", [0, 3_600 * SECOND_NS], 0)], pacer, linger_ns=0))
    assert [type(item) for item in items] == [Batch, ClockDue, Batch, ClockDue]


def test_an_endless_lane_ends_with_the_others():
    pacer = Pacer(start_ns=0, speed=0.0)
    lanes = [lane("A", [10, 20], 0), lane("SYNTH", list(range(0, 1_000, 5)), 0)]
    symbols = [
        item.symbol
        for item in schedule(lanes, pacer, linger_ns=0, endless=[False, True])
        if isinstance(item, Batch)
    ]
    assert symbols.count("A") == 2
    assert 3 <= symbols.count("SYNTH") <= 5


times = st.lists(st.integers(0, 3 * SECOND_NS), max_size=30).map(sorted)
speeds = st.sampled_from([0.0, 0.5, 1.0, 20.0])


@given(times, times, speeds, st.integers(0, 50 * MILLISECOND_NS))
def test_a_clock_never_tells_a_time_that_is_not_wholly_published(
    first: list[int], second: list[int], speed: float, linger_ns: int
):
    pacer = Pacer(start_ns=0, speed=speed)
    lanes = [lane("A", first, linger_ns), lane("B", second, linger_ns)]
    items = list(schedule(lanes, pacer, linger_ns=linger_ns))
    told_ns, due_ns, rows = -1, 0, 0
    for item in items:
        assert item.due_ns >= due_ns
        due_ns = item.due_ns
        if isinstance(item, ClockDue):
            assert item.ts_event_ns >= told_ns
            told_ns = item.ts_event_ns
        else:
            assert int(item.columns["ts_event_ns"][0]) > told_ns
            rows += item.count
    assert rows == len(first) + len(second)
    assert isinstance(items[-1], ClockDue)
    assert items[-1].is_final
    assert items[-1].ts_event_ns == max([0, *first, *second])


@given(times, st.sampled_from([0.5, 1.0, 20.0]))
def test_paced_clocks_are_never_further_apart_than_they_may(times_ns: list[int], speed: float):
    pacer = Pacer(start_ns=0, speed=speed)
    end_ns = 3 * SECOND_NS
    items = schedule([lane("A", times_ns, 0)], pacer, linger_ns=0, end_ns=end_ns)
    offsets = [0, *(pacer.offset_ns(item.due_ns) for item in items if isinstance(item, ClockDue))]
    assert max(np.diff(offsets)) <= CLOCK_WALL_NS
