"""One set of options for the environment and the command line. See services/feed/settings.py."""

import pytest

from services.feed.settings import OPTIONS, FeedSettings, from_environment, from_options
from services.kit.settings import SettingInvalid

GIVEN = {
    "source": "trades.csv,synth",
    "speed": "20",
    "from": "2013-09-03T10:20:00",
    "to": "2013-09-03T10:40:00",
    "map": "ts=Time,price=Last Price,size=Qty",
    "tz": "America/Chicago",
    "time_format": "ms",
    "venue": "XNYS",
    "symbol": "BRK.B",
    "name": "mine",
    "seed": "7",
    "rate": "2.5",
    "linger_ms": "1",
    "batch": "16",
}


def test_nothing_given_plays_the_packaged_dataset_in_real_time():
    assert from_environment({"PATH": "/bin", "PENSTOCK_RUN_ID": "r"}) == FeedSettings()
    assert from_options({}) == FeedSettings(sources=("es",), speed=1.0)


def test_reads_every_option():
    settings = from_options(GIVEN)
    assert set(GIVEN) == set(OPTIONS)
    assert settings.sources == ("trades.csv", "synth")
    assert settings.columns == {"ts": "Time", "price": "Last Price", "size": "Qty"}
    assert (settings.speed, settings.seed, settings.rate_per_s, settings.rows_max) == (20.0, 7, 2.5, 16)
    assert (settings.linger_ms, settings.symbol, settings.from_time) == (1.0, "BRK.B", "2013-09-03T10:20:00")


def test_travels_through_the_environment_unchanged():
    for settings in (
        FeedSettings(),
        from_options(GIVEN),
        from_options({"speed": "max", "seed": "0", "linger_ms": "0"}),
    ):
        assert from_environment(settings.environment() | {"PENSTOCK_RUN_ID": "r"}) == settings


def test_as_fast_as_possible_has_a_word():
    assert from_options({"speed": "max"}).speed == 0.0
    assert from_options({"speed": "20x"}).speed == 20.0


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("speed", "-1", "--speed is '-1'; expected a number above 0"),
        ("speed", "nan", "--speed is 'nan'"),
        ("speed", "fast", "or max"),
        ("source", "es,es", "each once"),
        ("map", "ts", "expected ts=COLUMN,price=COLUMN"),
        ("symbol", "brk.b", "expected a symbol such as AAPL"),
        ("batch", "0", "expected a whole number from 1 to 4096"),
        ("linger_ms", "x", "--linger-ms is 'x'; expected milliseconds"),
        ("name", "Mine", "--name is 'Mine'; expected lower-case letters"),
        ("sped", "1", "--sped is '1'; expected one of --source, --speed"),
    ],
)
def test_a_value_that_would_not_work_is_named_with_what_would(option: str, text: str, words: str):
    with pytest.raises(SettingInvalid) as caught:
        from_options({option: text})
    assert words in str(caught.value)


def test_a_variable_is_named_as_the_person_wrote_it():
    with pytest.raises(SettingInvalid, match="PENSTOCK_FEED_SPEED is '0'"):
        from_environment({"PENSTOCK_FEED_SPEED": "0"})
    with pytest.raises(
        SettingInvalid, match="PENSTOCK_FEED_SPED is '1'; expected one of PENSTOCK_FEED_SOURCE"
    ):
        from_environment({"PENSTOCK_FEED_SPED": "1"})
