"""Amounts: exact integer arithmetic on micro-units, lots and basis points.

Nothing here divides with a float. Where a result must be rounded, the function's name or first
line says which way.
"""

from contracts.scalars import MICRO

MONEY_SCALE = 10**12
"""Divides ``lots * lot_worth`` to micro-units of money."""

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


def lots_within(target_micro: int, lot_worth: int) -> int:
    """Whole lots that a target buys, towards zero.

    Args:
        target_micro: Not negative.
        lot_worth: ``mark_micro * multiplier_micro * lot_micro``, above 0.
    """
    return target_micro * MONEY_SCALE // lot_worth


def money_of(lots: int, lot_worth: int) -> int:
    """The micro-units of money in ``lots`` (not negative), rounded up: never to a breach's benefit."""
    return -(-lots * lot_worth // MONEY_SCALE)


def collar_distance_bps(mark_micro: int, slippage_bps: int, reference_micro: int, *, is_buy: bool) -> int:
    """How far the worst price lies from the reference, in basis points of the reference, rounded up.

    The worst price is the mark moved by the slippage against the order: up for a buyer, down for
    a seller. It stays a fraction; only the distance is rounded. The reference is above 0.
    """
    worst = mark_micro * (BPS + slippage_bps if is_buy else BPS - slippage_bps)
    return -(-abs(worst - reference_micro * BPS) // reference_micro)
