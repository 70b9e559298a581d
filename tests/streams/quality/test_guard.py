"""The guard: bad rows are taken out and reported, good ones pass as they came, chunks do not matter."""

import time
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from contracts import scalars
from contracts.operations import DeadCause
from streams.quality.guard import Guard
from streams.quality.rules import PRICE_MAX, SIZE_MAX
from tests.streams.ticks import SECOND_NS, trades, walk

GOOD = (100, 10.0, 1.0, 0)


def check(rows, *, guard=None, ids=None):
    checked = (guard or Guard()).check("ES", trades(rows), row_ids=None if ids is None else np.array(ids))
    return checked.columns["price"].tolist(), [(problem.cause, problem.index) for problem in checked.problems]


@pytest.mark.parametrize(
    ("row", "cause", "text"),
    [
        ((100, float("nan"), 1.0, 0), DeadCause.PRICE_NOT_FINITE, "price is nan, expected above 0"),
        ((100, float("inf"), 1.0, 0), DeadCause.PRICE_NOT_FINITE, "price is inf, expected above 0"),
        (
            (100, 1.1e9, 1.0, 0),
            DeadCause.PRICE_NOT_FINITE,
            "price is 1100000000.0, expected above 0 and at most",
        ),
        ((100, 0.0, 1.0, 0), DeadCause.PRICE_NOT_POSITIVE, "price is 0.0, expected above 0"),
        ((100, -1.0, 1.0, 0), DeadCause.PRICE_NOT_POSITIVE, "price is -1.0, expected above 0"),
        ((100, 10.0, -1.0, 0), DeadCause.SIZE_INVALID, "size is -1.0, expected 0 to 1e"),
        ((100, 10.0, float("nan"), 0), DeadCause.SIZE_INVALID, "size is nan, expected 0 to 1e"),
        ((100, 10.0, 1.0, 3), DeadCause.UNDECODABLE, "aggressor is 3, expected -1, 0 or 1"),
        ((99, 10.0, 1.0, 0), DeadCause.TIME_WENT_BACK, "ts_event_ns is 99, before that of a row"),
    ],
)
def test_takes_out_a_bad_row_and_reports_it(row, cause, text):
    guard = Guard()
    checked = guard.check("ES", trades([GOOD, row, GOOD]))
    (problem,) = checked.problems
    assert (problem.cause, problem.symbol, problem.index) == (cause, "ES", 1)
    assert repr(tuple(problem.row)) == repr(row)
    assert text in problem.detail
    assert checked.columns["price"].tolist() == [10.0, 10.0]
    assert (guard.rows, guard.kept, guard.counts[cause], sum(guard.counts.values())) == (3, 2, 1, 1)


@pytest.mark.parametrize("row", [(100, PRICE_MAX, 0.0, 1), (100, 5e-324, SIZE_MAX, -1)])
def test_a_bound_passes(row):
    assert check([GOOD, row])[1] == []


def test_the_bounds_are_those_of_the_contract():
    assert bound(scalars.Price) == PRICE_MAX
    assert bound(scalars.Size) == SIZE_MAX


def bound(scalar):
    return next(meta.le for meta in get_args(scalar) if isinstance(meta, Meta))


def test_clean_columns_pass_untouched():
    columns = walk(1_000)
    checked = Guard().check("ES", columns)
    assert checked.columns is columns
    assert checked.problems == []


def test_a_bad_row_does_not_move_the_time_that_others_are_compared_with():
    prices, problems = check([GOOD, (900, float("nan"), 1.0, 0), (200, 11.0, 1.0, 0)])
    assert prices == [10.0, 11.0]
    assert problems == [(DeadCause.PRICE_NOT_FINITE, 1)]


def test_a_silence_is_reported_and_its_row_passed_on():
    edge = 60 * SECOND_NS
    assert check([(0, 1.0, 1.0, 0), (edge, 2.0, 1.0, 0)])[1] == []
    prices, problems = check([(0, 1.0, 1.0, 0), (edge + 1, 2.0, 1.0, 0)])
    assert prices == [1.0, 2.0]
    assert problems == [(DeadCause.GAP, 1)]


def test_a_silence_counts_from_the_last_good_row():
    rows = [(0, 1.0, 1.0, 0), (30 * SECOND_NS, -1.0, 1.0, 0), (61 * SECOND_NS, 2.0, 1.0, 0)]
    assert check(rows)[1] == [(DeadCause.PRICE_NOT_POSITIVE, 1), (DeadCause.GAP, 2)]


def test_the_first_row_follows_no_silence():
    assert check([(10**18, 1.0, 1.0, 0)])[1] == []


def test_a_repeated_id_is_a_duplicate():
    rows = [(100, 1.0, 1.0, 0), (100, 2.0, 1.0, 0), (100, 2.0, 1.0, 0), (101, 3.0, 1.0, 0)]
    assert check(rows, ids=[7, 8, 8, 9]) == ([1.0, 2.0, 3.0], [(DeadCause.DUPLICATE, 2)])


def test_equal_trades_without_ids_are_no_duplicates():
    assert check([GOOD, GOOD, GOOD])[0] == [10.0, 10.0, 10.0]


def test_missing_ids_are_a_gap_and_the_row_after_it_is_passed_on():
    guard = Guard()
    assert check([GOOD, GOOD], guard=guard, ids=[7, 10]) == ([10.0, 10.0], [(DeadCause.GAP, 1)])
    assert check([GOOD], guard=guard, ids=[10]) == ([], [(DeadCause.DUPLICATE, 2)])
    assert check([GOOD], guard=guard, ids=[11]) == ([10.0], [])


def test_an_id_gap_before_a_bad_row_is_reported_beside_it():
    assert check([GOOD, (100, -1.0, 1.0, 0)], ids=[1, 3])[1] == [
        (DeadCause.GAP, 1),
        (DeadCause.PRICE_NOT_POSITIVE, 1),
    ]


def test_symbols_do_not_know_each_other():
    guard = Guard()
    guard.check("ES", trades([(500, 10.0, 1.0, 0)]))
    assert guard.check("NQ", trades([GOOD])).problems == []


def test_no_rows_are_no_problem():
    assert check([]) == ([], [])


dirty_rows = st.lists(
    st.tuples(
        st.integers(0, 200).map(lambda seconds: seconds * SECOND_NS),
        st.sampled_from([1.0, 2.0, 0.0, -1.0, float("nan"), float("inf"), 1e10]),
        st.sampled_from([1.0, 0.0, -1.0, float("nan")]),
        st.sampled_from([-1, 0, 1, 9]),
    ),
    max_size=40,
)


@given(dirty_rows, st.lists(st.integers(0, 40)), st.booleans(), st.randoms(use_true_random=False))
def test_where_chunks_end_does_not_matter(rows, cuts, has_ids, random):
    ids = [random.randint(1, 50) for _ in rows] if has_ids else None
    ends = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    whole, parts = Guard(), Guard()
    expected = check(rows, guard=whole, ids=ids)
    prices, problems = [], []
    for start, stop in pairwise(ends):
        got = check(rows[start:stop], guard=parts, ids=ids and ids[start:stop])
        prices += got[0]
        problems += got[1]
    assert (prices, problems) == expected
    assert parts.counts == whole.counts


@given(dirty_rows)
def test_every_row_is_kept_or_reported(rows):
    guard = Guard()
    prices, problems = check(rows, guard=guard)
    taken_out = [index for cause, index in problems if cause is not DeadCause.GAP]
    assert len(prices) + len(taken_out) == len(rows)
    assert prices == [row[1] for index, row in enumerate(rows) if index not in taken_out]


def test_clean_rows_pass_at_millions_a_second():
    columns = walk(500_000)
    chunks = [
        {name: column[start : start + 4_096] for name, column in columns.items()}
        for start in range(0, 500_000, 4_096)
    ]
    guard = Guard()
    started_s = time.process_time()
    for chunk in chunks:
        guard.check("ES", chunk)
    assert 500_000 / (time.process_time() - started_s) > 5_000_000
