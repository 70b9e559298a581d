"""Exact amounts, against fractions."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.gate.amounts import collar_distance_bps, lot_worth, lots_within, money_of, to_micro

FLOATS = st.floats(min_value=0.0, max_value=1e12)
MICRO = st.integers(1, 10**15)


@settings(deadline=None)
@given(FLOATS)
def test_a_float_becomes_the_nearest_micro_unit_of_its_true_value(value):
    assert to_micro(value) == round(Fraction(value) * 1_000_000)  # round() of a fraction is half to even


@pytest.mark.parametrize(
    ("value", "micro"),
    [
        (0.0, 0),
        (-0.0, 0),
        (1e-6, 1),
        (5e-7, 0),
        (0.5 / 2**20, 0),
        (2.0**-7 + 2.0**-20, 7813),
        (1e12, 10**18),
        (5e-324, 0),
    ],
)
def test_floats_at_the_edges(value, micro):
    assert to_micro(value) == micro


@pytest.mark.parametrize("numerator", [1, 3, 5, 7])
def test_a_tie_goes_to_the_even_micro_unit(numerator):
    value = numerator / 128  # times a million: ...2.5 exactly, since 10^6 / 128 = 7812.5

    assert to_micro(value) == round(Fraction(numerator, 128) * 10**6)
    assert to_micro(value) % 2 == 0


@settings(deadline=None)
@given(st.integers(0, 10**18), MICRO, MICRO, MICRO)
def test_lots_are_the_floor_of_the_target_over_the_worth_of_one(target, mark, multiplier, lot):
    worth = lot_worth(multiplier, lot)

    assert lots_within(target, mark, worth) == target * 10**12 // (mark * multiplier * lot)


@settings(deadline=None)
@given(st.integers(0, 10**12), MICRO, MICRO, MICRO)
def test_money_is_rounded_up(lots, mark, multiplier, lot):
    exact = Fraction(lots * mark * multiplier * lot, 10**12)

    assert 0 <= money_of(lots, mark, lot_worth(multiplier, lot)) - exact < 1


@settings(deadline=None)
@given(MICRO, st.integers(0, 10_000), MICRO, st.booleans())
def test_the_distance_is_rounded_up_to_a_whole_basis_point(mark, slippage, reference, is_buy):
    moved = 10_000 + slippage if is_buy else 10_000 - slippage
    exact = abs(Fraction(mark * moved, 10_000) - reference) * 10_000 / reference

    assert 0 <= collar_distance_bps(mark, slippage, reference, is_buy=is_buy) - exact < 1
