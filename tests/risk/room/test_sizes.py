"""Sizes: the amount for so many lots is one that the gate turns into exactly these."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.scalars import MICRO
from risk.gate.amounts import LotWorth, lot_worth, lots_within, to_micro
from risk.room.sizes import sayable_at_least, sayable_at_most, sayable_choice, spread, target_of

ES = lot_worth(50 * MICRO, MICRO)
MARK = 1_640 * MICRO
MOST = to_micro(1e12)

marks = st.integers(1, 10**15)
worths = st.builds(lot_worth, st.integers(1, 10**15), st.integers(1, 10**15))
lots_ = st.integers(1, 10**9) | st.integers(1, 100)


@pytest.mark.parametrize(("lots", "amount"), [(1, 120_000), (2, 200_000), (3, 300_000), (12, 1_020_000)])
def test_amounts_are_short_to_write(lots, amount):
    assert target_of(lots, MARK, ES, MOST) == amount


def test_an_amount_survives_a_small_move_of_the_mark():
    amount = to_micro(target_of(6, MARK, ES, MOST))
    for mark in (MARK * 98 // 100, MARK * 101 // 100):
        assert lots_within(amount, mark, ES) == 6


def test_the_cards_maximum_is_kept_to_the_last_millionth():
    exact = to_micro(82_000.0)
    assert target_of(1, MARK, ES, exact) == 82_000.0
    assert target_of(1, MARK, ES, exact - 1) is None


@given(lots_, marks, worths, st.integers(1, MOST))
def test_every_amount_buys_exactly_its_lots_and_is_within_the_maximum(lots, mark, worth, most):
    amount = target_of(lots, mark, worth, most)
    if amount is not None:
        assert lots_within(to_micro(amount), mark, worth) == lots
        assert 0 < to_micro(amount) <= most


@given(st.floats(1e-6, 1e12), marks, worths)
def test_whatever_a_float_buys_has_an_amount(target, mark, worth):
    """No size is lost: if anybody can ask for so many lots, the ladder can."""
    micro = to_micro(target)
    lots = lots_within(micro, mark, worth)
    if lots:
        assert target_of(lots, mark, worth, micro) is not None
        assert sayable_at_most(lots, mark, worth) == sayable_at_least(lots, mark, worth) == lots


@given(lots_, marks, worths)
def test_the_nearest_sayable_sizes_enclose_the_size(lots, mark, worth):
    below, above = sayable_at_most(lots, mark, worth), sayable_at_least(lots, mark, worth)
    assert below <= lots <= above
    for size in {below, above} - {0}:
        assert target_of(size, mark, worth, 2**200) is not None
    assert (below == above) == (target_of(lots, mark, worth, 2**200) is not None)


def test_a_lot_worth_less_than_a_millionth_has_sizes_that_nobody_can_say():
    dust = LotWorth(1, 10)
    assert target_of(5, 1, dust, MOST) is None
    assert (sayable_at_most(15, 1, dust), sayable_at_least(15, 1, dust)) == (10, 20)


@given(st.integers(1, 40), st.integers(0, 60), marks, worths)
def test_a_choice_of_sizes_is_complete_or_full_and_keeps_both_ends(smallest, more, mark, worth):
    largest = smallest + more
    every = [size for size in range(smallest, largest + 1) if sayable_at_most(size, mark, worth) == size]
    chosen = sayable_choice(smallest, largest, 8, mark, worth)
    assert chosen == sorted(set(chosen) & set(every))
    if len(every) <= 8:
        assert chosen == every
    else:
        assert len(chosen) == 8
        assert (chosen[0], chosen[-1]) == (every[0], every[-1])


def test_a_choice_among_sizes_that_lie_apart_is_still_full():
    """A lot of 0.8 millionths: only every size that a whole millionth buys can be said."""
    assert sayable_choice(1, 11, 8, 1, LotWorth(4, 5)) == [1, 2, 3, 5, 6, 7, 8, 11]


@pytest.mark.parametrize(
    ("smallest", "largest", "sizes"),
    [
        (1, 0, []),
        (4, 4, [4]),
        (1, 4, [1, 2, 3, 4]),
        (1, 5, [1, 2, 3, 5]),
        (1, 1_000, [1, 334, 667, 1_000]),
    ],
)
def test_a_choice_is_even_and_keeps_both_ends(smallest, largest, sizes):
    assert spread(smallest, largest, 4) == sizes


@given(st.integers(1, 10**18), st.integers(0, 10**18), st.integers(2, 8))
def test_a_choice_rises_and_has_no_more_than_asked_for(smallest, more, most):
    sizes = spread(smallest, smallest + more, most)
    assert sizes == sorted(set(sizes))
    assert (sizes[0], sizes[-1]) == (smallest, smallest + more)
    assert len(sizes) == min(most, more + 1)
