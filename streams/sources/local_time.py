"""Wall time of a zone as UTC nanoseconds, for whole columns.

The zone rules come from ``zoneinfo`` and the ``tzdata`` package, so the machine's own files have
no say. A wall time that a change of clocks makes ambiguous, or skips, is refused: guessing would
move trades by an hour.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

QUARTER_NS = 900 * 1_000_000_000
"""Offsets of every zone in use change on a quarter of an hour."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LocalTimeInvalid(ValueError):
    """A wall time does not name exactly one instant.

    Attributes:
        row: Index of the first such row.
        found: The wall time, and why.
        time_zone: The zone it was read in.
    """

    def __init__(self, row: int, found: str, time_zone: str) -> None:
        self.row, self.found, self.time_zone = row, found, time_zone
        super().__init__(f"row {row}: {found} in {time_zone}")


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ValueError, naming it, where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone, such as America/New_York or UTC") from None


def to_utc_ns(local_ns: NDArray[np.int64], time_zone: str) -> NDArray[np.int64]:
    """UTC of wall times, both in nanoseconds since 1970, int64, shape (n,), any order.

    Raises:
        LocalTimeInvalid: a wall time is ambiguous or does not exist in the zone.
        ValueError: no such zone.
    """
    tz = zone(time_zone)
    quarters, places = np.unique(local_ns // QUARTER_NS, return_inverse=True)
    offsets = np.empty(len(quarters), dtype=np.int64)
    for index, quarter in enumerate(quarters.tolist()):
        wall = _EPOCH + timedelta(seconds=quarter * 900)
        early, late = _offset(wall.replace(tzinfo=tz, fold=0)), _offset(wall.replace(tzinfo=tz, fold=1))
        if early != late:
            row = int(np.flatnonzero(places == index)[0])
            why = "comes twice, as clocks go back" if early > late else "is skipped, as clocks go forward"
            raise LocalTimeInvalid(row, f"{wall:%Y-%m-%d %H:%M} {why}", time_zone)
        offsets[index] = early
    return local_ns - offsets[places]


def instant_ns(text: str, time_zone: str) -> int:
    """One instant as UTC nanoseconds: ISO 8601, in ``time_zone`` unless it says its own offset.

    Raises:
        ValueError: it is no such time, or not exactly one instant.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        wall = np.array([_nanos(moment.replace(tzinfo=UTC) - _EPOCH)], dtype=np.int64)
        return int(to_utc_ns(wall, time_zone)[0])
    return _nanos(moment - _EPOCH)


def _offset(wall: datetime) -> int:
    return _nanos(wall.utcoffset() or timedelta())


def _nanos(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 1_000
