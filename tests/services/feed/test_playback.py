"""What a feed is about to play. See services/feed/playback.py."""

import json
from pathlib import Path

import pytest

from contracts.operations import DeadCause
from contracts.scalars import SECOND_NS
from services.feed.playback import LETTER_ROWS_MAX, Playback, prepare
from services.feed.settings import FeedSettings, from_options
from services.kit.settings import SettingInvalid
from streams.sources.batching import Batch
from streams.sources.local_time import instant_ns
from streams.sources.packaged import ES_BUSIEST


def rows(playback: Playback) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in playback.items:
        if isinstance(item, Batch):
            assert item.first_seq == counts.get(item.symbol, 0) + 1
            counts[item.symbol] = counts.get(item.symbol, 0) + item.count
    return counts


def csv(folder: Path, text: str, **changes: object) -> FeedSettings:
    path = folder / "bad.csv"
    path.write_text(f"ts,price,size,id\n{text}", encoding="utf-8")
    given = {"source": str(path), "map": "ts=ts,id=id", "time_format": "s", "venue": "XNYS", "symbol": "KO"}
    return from_options(given | {key: str(value) for key, value in changes.items()})


def test_plays_the_busiest_stretch_beside_the_generator():
    start, end = ES_BUSIEST
    playback = prepare(from_options({"source": "es,synth", "speed": "20", "from": start, "to": end}))
    assert playback.names == ("es", "synth")
    assert playback.pacer.start_ns == instant_ns(start, "America/Chicago")
    counts = rows(playback)
    assert counts["ES"] == 43_389
    assert 11_000 < counts["SYNTH"] < 13_000
    assert not playback.letters


def test_starts_with_the_first_row_and_ends_with_the_last_where_nothing_says_otherwise(tmp_path: Path):
    settings = csv(tmp_path, "100,1,1,1\n130,1,1,2\n", source=f"{tmp_path / 'bad.csv'},synth")
    playback = prepare(settings)
    assert playback.pacer.start_ns == 100 * SECOND_NS
    counts = rows(playback)
    assert counts["KO"] == 2
    assert 200 < counts["SYNTH"] < 400


def test_what_the_guard_takes_out_ends_in_letters_and_leaves_no_hole(tmp_path: Path):
    bad = "1,5,1,1\n2,nan,1,2\n3,-1,1,3\n2.5,5,1,4\n4,5,-1,5\n5,5,1,5\n6,6,1,6\n"
    playback = prepare(csv(tmp_path, bad))
    # The row at 2.5 s is in order: what stood before it was no usable row.
    assert rows(playback) == {"KO": 3}
    letters = {letter.cause: letter for letter in playback.letters}
    assert set(letters) == {
        DeadCause.PRICE_NOT_FINITE,
        DeadCause.PRICE_NOT_POSITIVE,
        DeadCause.SIZE_INVALID,
        DeadCause.DUPLICATE,
    }
    letter = letters[DeadCause.PRICE_NOT_POSITIVE]
    assert (letter.count, letter.ts_event_ns, letter.subject) == (1, 3 * SECOND_NS, "md.trade.XNYS.KO")
    assert json.loads(letter.payload) == [
        {"index": 2, "ts_event_ns": 3 * SECOND_NS, "price": -1.0, "size": 1.0, "aggressor": 0}
    ]
    assert "expected above 0" in letter.detail


def test_a_storm_of_bad_rows_makes_one_letter_with_its_count(tmp_path: Path):
    playback = prepare(csv(tmp_path, "1,5,1,1\n" + "".join(f"2,-1,1,{n}\n" for n in range(2, 1_002))))
    assert rows(playback) == {"KO": 1}
    assert [(letter.cause, letter.count) for letter in playback.letters] == [
        (DeadCause.PRICE_NOT_POSITIVE, 1_000)
    ]
    shown = json.loads(playback.letters[0].payload)
    assert len(shown) == LETTER_ROWS_MAX


def test_a_zone_for_times_is_that_of_the_dataset_unless_said():
    named = prepare(from_options({"from": "2013-09-03T10:20:00"}))
    said = prepare(from_options({"from": "2013-09-03T15:20:00Z"}))
    counted = prepare(from_options({"from": str(named.pacer.start_ns)}))
    assert named.pacer.start_ns == said.pacer.start_ns == counted.pacer.start_ns


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"from": "noon"}, "--from is 'noon'; expected an ISO 8601 time in America/Chicago"),
        ({"from": "2013-09-03T10", "to": "2013-09-03T09"}, "--to is '2013-09-03T09'; expected a time after"),
        (
            {"source": "synth", "tz": "Mars/Base", "from": "2024-01-01"},
            "--tz is 'Mars/Base'; expected an IANA",
        ),
        ({"from": "2014-01-01"}, "--from is '2014-01-01'; expected a time range in which es has trades"),
    ],
)
def test_times_that_cannot_be_played_are_named(options: dict[str, str], words: str):
    with pytest.raises(SettingInvalid) as caught:
        prepare(from_options(options))
    assert words in str(caught.value)


def test_two_sources_of_one_symbol_are_refused(tmp_path: Path):
    settings = csv(tmp_path, "1,5,1,1\n", source=f"{tmp_path / 'bad.csv'},es", symbol="ES")
    with pytest.raises(SettingInvalid, match="ES twice"):
        prepare(settings)
