"""The oracle's decimals against fractions: exact everywhere, rounded only where the page says so."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.prove.oracle import numbers

micros = st.integers(1, 2**63 - 1)


def half_even(value: Fraction) -> int:
    return round(value)


@given(st.floats(0, 1e12))
def test_a_float_becomes_the_nearest_millionth_of_its_true_value(value: float) -> None:
    assert numbers.amount(value) == Decimal(half_even(Fraction(value) * 10**6)).scaleb(-6)


@given(st.lists(micros, min_size=1, max_size=20))
def test_the_mean_is_rounded_half_to_even(prices: list[int]) -> None:
    expected = half_even(Fraction(sum(prices), len(prices)))

    assert numbers.mean([numbers.from_micro(price) for price in prices]) == numbers.from_micro(expected)


@given(st.integers(0, 10**18), micros, micros, micros)
def test_whole_lots_are_towards_zero(target: int, mark: int, multiplier: int, lot: int) -> None:
    worth = numbers.product(*(numbers.from_micro(each) for each in (mark, multiplier, lot)))

    assert numbers.whole(numbers.from_micro(target), worth) == target * 10**12 // (mark * multiplier * lot)


def test_64_bits_hold_their_largest_and_no_more() -> None:
    largest = numbers.from_micro(2**63 - 1)

    assert not numbers.is_beyond_64_bits(largest)
    assert numbers.is_beyond_64_bits(numbers.EXACT.add(largest, Decimal("1e-12")))
