"""Amounts: exact integer arithmetic on micro-units, lots and basis points.

Nothing here divides with a float. Where a result must be rounded, the function's name or first
line says which way.
"""

from math import gcd
from typing import NamedTuple

from contracts.scalars import MICRO

BPS = 10_000


def to_micro(value: float) -> int:
    """A finite float as micro-units: its true binary value times a million, rounded half to even."""
    if value.is_integer():
        return int(value) * MICRO
    numerator, denominator = value.as_integer_ratio()
    return divided_half_even(numerator * MICRO, denominator)


def divided_half_even(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest integer, a tie to the even one. The denominator is above 0."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient & 1):
        quotient += 1
    return quotient


class LotWorth(NamedTuple):
    """The money of one lot: ``mark_micro * times / over`` micro-units, as a fraction in lowest terms."""

    times: int
    over: int


def lot_worth(multiplier_micro: int, lot_micro: int) -> LotWorth:
    """From an instrument's micro-units, both above 0: micro times micro times micro, over 10^12."""
    times, over = multiplier_micro * lot_micro, MICRO * MICRO
    common = gcd(times, over)
    return LotWorth(times // common, over // common)


def lots_within(target_micro: int, mark_micro: int, worth: LotWorth) -> int:
    """Whole lots that a target buys, towards zero. The target is not negative, the mark above 0."""
    return target_micro * worth.over // (mark_micro * worth.times)


def money_of(lots: int, mark_micro: int, worth: LotWorth) -> int:
    """The micro-units of money in ``lots`` (not negative), rounded up: never to a breach's benefit."""
    return -(-lots * mark_micro * worth.times // worth.over)


def collar_distance_bps(mark_micro: int, slippage_bps: int, reference_micro: int, *, is_buy: bool) -> int:
    """How far the worst price lies from the reference, in basis points of the reference, rounded up.

    The worst price is the mark moved by the slippage against the order: up for a buyer, down for
    a seller. It stays a fraction; only the distance is rounded. The reference is above 0.
    """
    worst = mark_micro * (BPS + slippage_bps if is_buy else BPS - slippage_bps)
    return -(-abs(worst - reference_micro * BPS) // reference_micro)
