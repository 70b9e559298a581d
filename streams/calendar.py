"""Trading sessions: weekly hours in local wall time, expanded to UTC instants.

Daylight saving is resolved here and nowhere else; the gate is handed instants. Zone rules come
from ``zoneinfo`` and the ``tzdata`` package. An opening that clocks skip takes place when they
have moved; of a time that comes twice the first is meant. A window that a change of clocks leaves
empty does not take place.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.instruments import TradingSession
from contracts.scalars import SECOND_NS

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
WEEK_MINUTES = 7 * 24 * 60

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SessionInvalid(ValueError):
    """The hours of a session cannot be expanded.

    Attributes:
        session: Its name.
        found, expected: What is there, and what would work.
    """

    def __init__(self, session: str, found: str, expected: str) -> None:
        self.session, self.found, self.expected = session, found, expected
        super().__init__(f"session {session!r} has {found}; expected {expected} (instruments.json)")


def session_around(session: TradingSession, ts_ns: int) -> tuple[int, int]:
    """The session window that holds an instant, or the next one after it.

    Args:
        ts_ns: Unix nanoseconds, UTC.

    Returns:
        ``(open_ns, close_ns)``, Unix nanoseconds, UTC: open inclusive, close exclusive, so
        ``ts_ns < close_ns`` always. Of overlapping windows that hold the instant, the one that
        closes last.

    Raises:
        SessionInvalid: the time zone or an hour does not exist.
    """
    today = (_EPOCH + timedelta(seconds=ts_ns // SECOND_NS)).date()
    monday = today - timedelta(days=today.weekday())
    # A window that began last week may still be open, and this week's may all be over; the
    # second week ahead is for a window that a change of clocks left empty.
    weeks = [_week(session, monday + timedelta(weeks=offset)) for offset in (-2, -1, 0, 1, 2)]
    ahead = [window for week in weeks for window in week if ts_ns < window[1]]
    holding = [window for window in ahead if window[0] <= ts_ns]
    return max(holding, key=lambda window: window[1]) if holding else min(ahead)


@lru_cache(maxsize=256)
def _week(session: TradingSession, monday: date) -> tuple[tuple[int, int], ...]:
    """The windows that open in the week of ``monday``, in UTC nanoseconds."""
    try:
        zone = ZoneInfo(session.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        expected = "an IANA name such as America/Chicago"
        raise SessionInvalid(session.name, f"the time zone {session.time_zone!r}", expected) from None
    hours = _minutes(session)
    found = ((_instant(zone, monday, opens), _instant(zone, monday, closes)) for opens, closes in hours)
    return tuple((open_ns, close_ns) for open_ns, close_ns in found if open_ns < close_ns)


def _minutes(session: TradingSession) -> Iterator[tuple[int, int]]:
    """Each window in minutes since Monday 00:00, the end after the beginning."""
    for window in session.windows:
        opens, closes = _minute(session, window.opens), _minute(session, window.closes)
        yield opens, closes if closes > opens else closes + WEEK_MINUTES


def _minute(session: TradingSession, text: str) -> int:
    day, _, clock = text.partition(" ")
    hour, minute = (int(part) for part in clock.split(":"))
    if hour == 24 and minute:
        raise SessionInvalid(session.name, f"the time {text!r}", "24:00 or earlier")
    return (WEEKDAYS.index(day) * 24 + hour) * 60 + minute


def _instant(zone: ZoneInfo, monday: date, minutes: int) -> int:
    wall = datetime.combine(monday, time(), UTC) + timedelta(minutes=minutes)
    # fold=0: of two, the first; a skipped time moves forward by what was skipped.
    return (wall.replace(tzinfo=zone, fold=0).astimezone(UTC) - _EPOCH) // timedelta(seconds=1) * SECOND_NS
