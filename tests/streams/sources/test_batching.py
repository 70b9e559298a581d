"""Where batches end. See streams/sources/batching.py."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sources import Ticks
from streams.sources.batching import Batch, batched
from streams.sources.ticks import empty_columns


def stretches(times: list[int], cuts: list[int]) -> Iterator[Ticks]:
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(times)), len(times)]
    for start, end in itertools.pairwise(edges):
        columns = empty_columns(end - start)
        columns["ts_event_ns"] = np.array(times[start:end], dtype=np.int64)
        columns["price"] = np.arange(start, end, dtype=np.float64)
        if end > start:
            yield Ticks(venue="SIM", symbol="SYNTH", columns=columns)


def shape(batches: Iterator[Batch]) -> list[tuple[int, int, int]]:
    return [(batch.first_seq, batch.count, batch.due_ns) for batch in batches]


def test_a_full_batch_is_due_with_its_last_row():
    assert shape(batched(stretches([0, 1, 2, 3], []), rows_max=2, linger_ns=100)) == [(1, 2, 1), (3, 2, 3)]


def test_a_batch_that_does_not_fill_is_due_when_its_first_row_has_lingered():
    found = shape(batched(stretches([0, 10, 11, 30], []), rows_max=64, linger_ns=10))
    assert found == [(1, 2, 10), (3, 1, 21), (4, 1, 40)]


def test_rows_of_one_instant_share_batches_also_without_a_linger():
    assert shape(batched(stretches([5] * 5, []), rows_max=2, linger_ns=0)) == [
        (1, 2, 5),
        (3, 2, 5),
        (5, 1, 5),
    ]


times = st.lists(st.integers(0, 60), max_size=60).map(sorted)
cuts = st.lists(st.integers(0, 60), max_size=6)


@given(times, cuts, st.integers(1, 8), st.integers(0, 20))
def test_how_the_source_is_cut_has_no_say(times: list[int], cuts: list[int], rows_max: int, linger_ns: int):
    whole = shape(batched(stretches(times, []), rows_max=rows_max, linger_ns=linger_ns))
    assert shape(batched(stretches(times, cuts), rows_max=rows_max, linger_ns=linger_ns)) == whole


@given(times, cuts, st.integers(1, 8), st.integers(0, 20))
def test_every_row_leaves_once_in_order_and_no_later_than_its_linger(
    times: list[int], cuts: list[int], rows_max: int, linger_ns: int
):
    made = list(batched(stretches(times, cuts), rows_max=rows_max, linger_ns=linger_ns))
    assert [row for batch in made for row in batch.columns["price"].tolist()] == list(range(len(times)))
    next_seq, last_due_ns = 1, 0
    for batch in made:
        rows = batch.columns["ts_event_ns"].tolist()
        assert batch.first_seq == next_seq
        assert batch.count <= rows_max
        assert last_due_ns <= batch.due_ns
        assert rows[-1] <= batch.due_ns <= rows[0] + linger_ns
        next_seq, last_due_ns = next_seq + batch.count, batch.due_ns


@pytest.mark.parametrize(("rows_max", "linger_ns"), [(0, 1), (4_097, 1), (1, -1)])
def test_refuses_sizes_that_no_batch_can_have(rows_max: int, linger_ns: int):
    with pytest.raises(ValueError, match="expected 1 to 4096"):
        next(batched(stretches([1], []), rows_max=rows_max, linger_ns=linger_ns))
