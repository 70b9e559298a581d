"""What a usable trade is: the rules that the guard and the processors share.

Pure and vectorised. A row is judged by the first rule that it breaks, in the order of ``RULES``; its
values come first, because a row whose numbers cannot be trusted must not move the time that later
rows are compared with.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.columns import Columns
from contracts.operations import DeadCause

PRICE_MAX = 1e9
SIZE_MAX = 1e12
"""The bounds of ``contracts.scalars.Price`` and ``Size``; the tests compare them."""

Codes = NDArray[np.int8]
"""One a row: 0 where it is usable, else 1 + the index into ``RULES``."""

RULES = (
    DeadCause.PRICE_NOT_FINITE,
    DeadCause.PRICE_NOT_POSITIVE,
    DeadCause.SIZE_INVALID,
    DeadCause.UNDECODABLE,
    DeadCause.TIME_WENT_BACK,
)
"""``PRICE_NOT_FINITE`` also stands for a price above ``PRICE_MAX``, ``UNDECODABLE`` for an aggressor
that is neither side nor unknown."""


class Row(NamedTuple):
    """The content of one trade row, for a report."""

    ts_event_ns: int
    price: float
    size: float
    aggressor: int


def row_at(columns: Columns, index: int) -> Row:
    """The content of one row of the columns of trades."""
    return Row(*(columns[name][index].item() for name in Row._fields))


def judge(columns: Columns, last_ts_ns: int) -> Codes:
    """The first rule that each row breaks.

    Args:
        columns: Those of trades by name, in order of arrival.
        last_ts_ns: Event time of the last usable row before these; at least 0.
    """
    times = columns["ts_event_ns"]
    price, size = (
        columns["price"].astype(np.float64, copy=False),
        columns["size"].astype(np.float64, copy=False),
    )
    codes = np.zeros(len(price), dtype=np.int8)
    broken = (
        ~(np.abs(price) <= PRICE_MAX),  # so that a NaN is broken too
        price <= 0.0,
        ~((size >= 0.0) & (size <= SIZE_MAX)),
        np.abs(columns["aggressor"].astype(np.int16)) > 1,
    )
    for index in range(len(broken) - 1, -1, -1):
        codes[broken[index]] = index + 1
    good_times = np.where(codes == 0, times, last_ts_ns)
    latest = np.maximum.accumulate(np.concatenate(([last_ts_ns], good_times)))
    codes[(codes == 0) & (times < latest[:-1])] = len(RULES)
    return codes


def describe(cause: DeadCause, row: Row) -> str:
    """What was found in a row, and what was expected."""
    match cause:
        case DeadCause.TIME_WENT_BACK:
            return f"ts_event_ns is {row.ts_event_ns}, before that of a row that came earlier"
        case DeadCause.SIZE_INVALID:
            return f"size is {row.size}, expected 0 to {SIZE_MAX:g}"
        case DeadCause.UNDECODABLE:
            return f"aggressor is {row.aggressor}, expected -1, 0 or 1"
        case _:
            return f"price is {row.price}, expected above 0 and at most {PRICE_MAX:g}"
