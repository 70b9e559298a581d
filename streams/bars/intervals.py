"""Intervals of bars: ``1s``, ``5m``, ``4h``."""

import re

from contracts.scalars import SECOND_NS

_FORM = re.compile(r"([1-9][0-9]{0,3})([smh])")
_UNIT_NS = {"s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3_600 * SECOND_NS}


class IntervalInvalid(ValueError):
    """An interval is not a count and a unit.

    Attributes:
        found: What was asked for.
    """

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"interval is {found!r}; expected 1 to 9999 and s, m or h, such as 1s or 5m")


def interval_ns(interval: str) -> int:
    """The length in nanoseconds. Raises IntervalInvalid."""
    match = _FORM.fullmatch(interval)
    if match is None:
        raise IntervalInvalid(interval)
    return int(match[1]) * _UNIT_NS[match[2]]
