"""Sessions as instants: daylight saving, midnight, the week's end. See streams/calendar.py."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.instruments import SessionWindow, TradingSession
from contracts.scalars import SECOND_NS
from streams.calendar import WEEKDAYS, SessionInvalid, session_around

HOUR_NS = 3_600 * SECOND_NS


def session(*windows: tuple[str, str], zone: str = "UTC") -> TradingSession:
    made = tuple(SessionWindow(opens=opens, closes=closes) for opens, closes in windows)
    return TradingSession(name="test", time_zone=zone, windows=made)


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND_NS


GLOBEX = session(
    ("SUN 17:00", "MON 15:15"),
    ("MON 15:30", "MON 16:15"),
    ("MON 17:00", "TUE 15:15"),
    ("FRI 15:30", "FRI 16:15"),
    zone="America/Chicago",
)
CHICAGO = "America/Chicago"


def test_finds_the_window_that_holds_the_instant():
    assert session_around(GLOBEX, at("2013-09-03T10:20", CHICAGO)) == (
        at("2013-09-02T17:00", CHICAGO),
        at("2013-09-03T15:15", CHICAGO),
    )


def test_the_open_belongs_to_the_window_and_the_close_to_the_next():
    opens, closes = at("2013-09-02T15:30", CHICAGO), at("2013-09-02T16:15", CHICAGO)
    assert session_around(GLOBEX, opens) == (opens, closes)
    assert session_around(GLOBEX, closes - 1) == (opens, closes)
    assert session_around(GLOBEX, opens - 1) == (opens, closes)
    assert session_around(GLOBEX, closes)[0] == at("2013-09-02T17:00", CHICAGO)


def test_between_sessions_gives_the_next_one_also_over_the_weekend():
    assert session_around(GLOBEX, at("2013-09-07T12:00", CHICAGO))[0] == at("2013-09-08T17:00", CHICAGO)


def test_the_same_wall_time_is_another_instant_after_the_clocks_change():
    hours = session(("MON 08:30", "MON 15:00"), zone=CHICAGO)
    winter = session_around(hours, at("2024-03-04T09:00", CHICAGO))
    summer = session_around(hours, at("2024-03-11T09:00", CHICAGO))
    assert summer[0] - winter[0] == 7 * 24 * HOUR_NS - HOUR_NS


def test_a_window_over_the_change_of_clocks_is_an_hour_shorter_or_longer():
    weekend = session(("SAT 20:00", "SUN 08:00"), zone=CHICAGO)
    spring = session_around(weekend, at("2024-03-09T21:00", CHICAGO))
    autumn = session_around(weekend, at("2024-11-02T21:00", CHICAGO))
    assert spring[1] - spring[0] == 11 * HOUR_NS
    assert autumn[1] - autumn[0] == 13 * HOUR_NS


def test_a_window_inside_the_skipped_hour_waits_for_the_next_week():
    skipped = session(("SUN 02:00", "SUN 03:00"), zone=CHICAGO)
    opens, closes = session_around(skipped, at("2024-03-10T00:30", CHICAGO))
    assert (opens, closes) == (at("2024-03-17T02:00", CHICAGO), at("2024-03-17T03:00", CHICAGO))


def test_a_week_without_a_pause_is_open_always():
    always = session(("MON 00:00", "SUN 24:00"))
    for text in ("2024-01-01T00:00", "2024-01-03T12:00", "2024-01-07T23:59"):
        assert session_around(always, at(text)) == (at("2024-01-01T00:00"), at("2024-01-08T00:00"))


def test_of_two_windows_that_hold_the_instant_the_later_close_counts():
    both = session(("MON 08:00", "MON 10:00"), ("MON 09:00", "MON 12:00"))
    assert session_around(both, at("2024-01-01T09:30"))[1] == at("2024-01-01T12:00")


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (session(("MON 24:30", "TUE 01:00")), "24:30"),
        (session(("MON 01:00", "MON 02:00"), zone="Mars/Base"), "Mars/Base"),
    ],
)
def test_hours_or_zones_that_do_not_exist_are_named(broken: TradingSession, word: str):
    with pytest.raises(SessionInvalid, match=word):
        session_around(broken, 0)


minutes = st.integers(0, 7 * 24 * 60 - 1)
zones = st.sampled_from(["UTC", "America/Chicago", "Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe"])


def wall(minute: int) -> str:
    return f"{WEEKDAYS[minute // 1440]} {minute // 60 % 24:02}:{minute % 60:02}"


@given(minutes, minutes, zones, st.integers(0, 4_000_000_000))
def test_every_instant_gets_a_window_that_opens_and_closes_at_the_hours_said(
    opens: int, closes: int, zone: str, second: int
):
    hours = session((wall(opens), wall(closes)), zone=zone)
    ts_ns = second * SECOND_NS
    open_ns, close_ns = session_around(hours, ts_ns)
    assert open_ns < close_ns
    assert ts_ns < close_ns

    def shows(instant_ns: int) -> str:
        local = datetime.fromtimestamp(instant_ns // SECOND_NS, UTC).astimezone(ZoneInfo(zone))
        return f"{WEEKDAYS[local.weekday()]} {local:%H:%M}"

    def is_skipped(instant_ns: int) -> bool:
        before = datetime.fromtimestamp(instant_ns // SECOND_NS - 7_200, UTC).astimezone(ZoneInfo(zone))
        after = datetime.fromtimestamp(instant_ns // SECOND_NS, UTC).astimezone(ZoneInfo(zone))
        return before.utcoffset() != after.utcoffset()

    assert shows(open_ns) == wall(opens) or is_skipped(open_ns)
    assert shows(close_ns) == wall(closes) or is_skipped(close_ns)


@given(minutes, minutes, zones, st.integers(0, 4_000_000_000), st.integers(0, 10**6))
def test_the_answer_holds_until_the_window_closes(
    opens: int, closes: int, zone: str, second: int, later: int
):
    hours = session((wall(opens), wall(closes)), zone=zone)
    ts_ns = second * SECOND_NS
    open_ns, close_ns = session_around(hours, ts_ns)
    inside = open_ns + later * (close_ns - open_ns) // (10**6 + 1)
    assert session_around(hours, inside) == (open_ns, close_ns)
