"""Numbers: exact decimals in whole units of price and money, on the grid of one millionth."""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from typing import Final

MILLIONTH: Final = Decimal("0.000001")
LARGEST: Final = Decimal(2**63 - 1)

EXACT: Final = Context(prec=160, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation])
"""Every product here fits; a rounding that nobody asked for raises."""

_GRID: Final = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_HALF_EVEN)


def amount(value: float) -> Decimal:
    """A float's true binary value, half-even on the grid of one millionth."""
    return Decimal(value).quantize(MILLIONTH, context=_GRID)


def from_micro(value: int) -> Decimal:
    """Millionths as whole units."""
    return EXACT.multiply(Decimal(value), MILLIONTH)


def product(*factors: Decimal | int) -> Decimal:
    """The exact product."""
    result = Decimal(1)
    for factor in factors:
        result = EXACT.multiply(result, Decimal(factor))
    return result


def whole(amount_: Decimal, unit: Decimal) -> int:
    """How many whole units are in the amount; both positive or zero, the unit positive."""
    return int(EXACT.divide_int(amount_, unit))


def mean(prices: list[Decimal]) -> Decimal:
    """The mean of prices on the grid, half-even on the grid."""
    total = sum((price.scaleb(6) for price in prices), Decimal(0))
    quotient, rest = EXACT.divmod(total, Decimal(len(prices)))
    twice = product(2, rest)
    is_up = twice > len(prices) or (twice == len(prices) and quotient % 2 == 1)
    return (quotient + 1 if is_up else quotient).scaleb(-6)


def distance(one: Decimal, other: Decimal) -> Decimal:
    """The exact distance."""
    return EXACT.abs(EXACT.subtract(one, other))


def is_beyond_64_bits(money: Decimal) -> bool:
    """Whether the money, in millionths, is more than 64 signed bits hold."""
    return money.scaleb(6, context=EXACT) > LARGEST
