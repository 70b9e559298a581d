"""The log return, computed the same way on every machine where prices move by less than 0.1 %."""

import math

from streams.kernels import inlined

SMALL = 1e-3
"""Above it the library's ``log1p``, whose last bit depends on the machine, is good enough."""


@inlined
def log_return(price: float, last: float) -> float:
    """``ln(price / last)`` of positive prices.

    Of a small change by its Taylor series, whose first term left out is below 1e-21 of the result:
    no digit is lost as in the logarithm of a ratio near 1, and no library function is called.
    """
    change = (price - last) / last
    if abs(change) < SMALL:
        tail = 1.0 / 4.0 + change * (-1.0 / 5.0 + change * (1.0 / 6.0 + change * (-1.0 / 7.0)))
        return change * (1.0 + change * (-1.0 / 2.0 + change * (1.0 / 3.0 - change * tail)))
    return math.log1p(change)
