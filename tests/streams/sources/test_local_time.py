"""Wall times as instants. See streams/sources/local_time.py."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.scalars import SECOND_NS
from streams.sources.local_time import LocalTimeInvalid, instant_ns, to_utc_ns, zone


def wall_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


@given(
    st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=20),
    st.sampled_from(["UTC", "America/Chicago", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin"]),
)
def test_turns_what_a_clock_on_the_wall_shows_back_into_the_instant(seconds: list[int], name: str):
    shown = []
    for second in seconds:
        local = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(name))
        shown.append(wall_ns(local.replace(tzinfo=None).isoformat()))
    if any(is_shown_twice(wall, name) for wall in shown):
        with pytest.raises(LocalTimeInvalid, match="twice"):
            to_utc_ns(np.array(shown, dtype=np.int64), name)
    else:
        found = to_utc_ns(np.array(shown, dtype=np.int64), name)
        assert found.tolist() == [second * SECOND_NS for second in seconds]


def is_shown_twice(shown_ns: int, name: str) -> bool:
    wall = datetime.fromtimestamp(shown_ns // SECOND_NS, UTC).replace(tzinfo=ZoneInfo(name))
    return wall.utcoffset() != wall.replace(fold=1).utcoffset()


@pytest.mark.parametrize(("text", "word"), [("2024-11-03T01:30", "twice"), ("2024-03-10T02:30", "skipped")])
def test_refuses_a_time_that_names_two_instants_or_none(text: str, word: str):
    times = np.array([wall_ns("2024-01-01T00:00"), wall_ns(text)], dtype=np.int64)
    with pytest.raises(LocalTimeInvalid, match=f"row 1: .*{word}.* in America/Chicago"):
        to_utc_ns(times, "America/Chicago")


def test_the_minutes_on_either_side_of_a_change_of_clocks_are_fine():
    for text in ("2024-03-10T01:59", "2024-03-10T03:00", "2024-11-03T00:59", "2024-11-03T02:00"):
        expected = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Chicago")).timestamp()
        assert instant_ns(text, "America/Chicago") == int(expected) * SECOND_NS


def test_an_offset_in_the_text_outranks_the_zone():
    assert (
        instant_ns("2024-01-01T00:00:00.5+01:00", "Asia/Tokyo")
        == wall_ns("2023-12-31T23:00:00") + SECOND_NS // 2
    )


def test_a_zone_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="'Mars/Base' is no IANA time zone"):
        zone("Mars/Base")
