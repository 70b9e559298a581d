"""A user's own files. See streams/sources/dataset.py and cells.py."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.market import TRADE_COLUMNS
from contracts.scalars import SECOND_NS
from streams.sources import Dataset, DatasetOptions, SourceInvalid, Ticks
from streams.sources.cells import CellInvalid, times_ns
from streams.sources.local_time import instant_ns
from streams.sources.ticks import CHUNK_ROWS

MAPPING = {"ts": "Time", "price": "Px", "size": "Qty"}


def options(**changes: object) -> DatasetOptions:
    known = {"columns": MAPPING, "venue": "XNYS", "symbol": "KO"}
    return DatasetOptions(**(known | changes))  # type: ignore[arg-type]  # tests name the fields


def rows(path: Path, given: DatasetOptions) -> list[tuple[object, ...]]:
    found = []
    for stretch in Dataset(path, given).batches():
        found += list(zip(*(stretch.columns[name].tolist() for name, _ in TRADE_COLUMNS), strict=True))
    return found


def csv(folder: Path, text: str) -> Path:
    path = folder / "trades.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_a_csv_by_its_mapping_and_zone(tmp_path: Path):
    path = csv(
        tmp_path, "Time,Qty,Px,Note\n2024-07-01 09:30:00.125,100,62.5,x\n2024-07-01 09:30:01,7,62.51,y\n"
    )
    found = rows(path, options(time_zone="America/New_York"))
    first_ns = instant_ns("2024-07-01T13:30:00.125+00:00", "UTC")
    assert found == [(first_ns, 62.5, 100.0, 0), (first_ns + 875_000_000, 62.51, 7.0, 0)]


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("s", "1719840600.125"),
        ("ms", "1719840600125"),
        ("us", "1719840600125000"),
        ("ns", "1719840600125000000"),
        ("iso", "2024-07-01T13:30:00.125Z"),
        ("iso", "2024-07-01T09:30:00.125-04:00"),
        ("%d/%m/%Y %H:%M:%S.%f", "01/07/2024 13:30:00.125"),
        ("%Y%m%d %H%M%S.%f %z", "20240701 093000.125 -0400"),
    ],
)
def test_reads_every_way_to_write_an_instant(tmp_path: Path, time_format: str, text: str):
    path = csv(tmp_path, f"Time,Px,Qty\n{text},1,1\n")
    given = options(time_format=time_format, time_zone="" if "%z" in time_format else "UTC")
    assert rows(path, given)[0][0] == 1_719_840_600_125_000_000


@pytest.mark.parametrize(("time_format", "text"), [("", "2024-07-01T13:30:00"), ("%H:%M", "13:30")])
def test_times_whose_zone_nobody_told_are_refused(tmp_path: Path, time_format: str, text: str):
    path = csv(tmp_path, f"Time,Px,Qty\n{text},1,1\n")
    with pytest.raises(SourceInvalid, match=r"line 2, column 'Time' is a time without an offset.*--tz"):
        rows(path, options(time_format=time_format))


def test_keeps_every_nanosecond_of_a_time_in_seconds(tmp_path: Path):
    path = csv(tmp_path, "Time,Px,Qty\n1719840600.123456789,1,1\n")
    assert rows(path, options(time_format="s"))[0][0] == 1_719_840_600_123_456_789


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_finds_the_delimiter_in_the_header(tmp_path: Path, delimiter: str):
    path = csv(tmp_path, "Time,Px,Qty\n1,2,3\n".replace(",", delimiter))
    assert rows(path, options(time_format="s")) == [(SECOND_NS, 2.0, 3.0, 0)]


def test_reads_who_crossed_the_spread_and_the_venues_ids(tmp_path: Path):
    path = csv(tmp_path, "Time,Px,Qty,Side,No\n1,2,3,Buy,10\n2,2,3,SELL,11\n3,2,3,,12\n4,2,3,-1,13\n")
    given = options(columns=MAPPING | {"aggressor": "Side", "id": "No"}, time_format="s")
    stretch = next(Dataset(path, given).batches())
    assert stretch.columns["aggressor"].tolist() == [1, -1, 0, -1]
    assert stretch.ids is not None
    assert stretch.ids.tolist() == [10, 11, 12, 13]


def test_passes_on_values_that_are_for_the_guard_to_judge(tmp_path: Path):
    path = csv(tmp_path, "Time,Px,Qty\n2,nan,1\n1,-5,inf\n")
    found = rows(path, options(time_format="s"))
    assert np.isnan(found[0][1])
    assert found[1] == (SECOND_NS, -5.0, np.inf, 0)


SECONDS = {"time_format": "s"}


@pytest.mark.parametrize(("unit", "scale"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)])
@given(moment=st.integers(-(2**63), 2**63 - 1), is_text=st.booleans())
def test_a_number_of_a_unit_is_that_time_or_refused_never_another(unit, scale, moment, is_text):
    cells = pa.array([f"{moment}"]) if is_text else pa.array([moment])
    if abs(moment) > (2**63 - 1) // scale:
        with pytest.raises(CellInvalid, match=f"row 0 is .*{moment}.*; expected a time in {unit}"):
            times_ns(cells, unit, "UTC")
    else:
        assert times_ns(cells, unit, "UTC")[0] == moment * scale


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("Time,Price,Qty\n", {}, r"trades\.csv: the column for 'price' is not there; .*'Px'.*--map price="),
        ("Time,Price,Qty\n", {}, "with one of Time, Price, Qty"),
        ("Time,Px,Qty\n1,2,3\n1,x,3\n", SECONDS, "line 3, column 'Px' is 'x'; expected a number"),
        ("Time,Px,Qty\n1,2,3\n1,,3\n", SECONDS, "line 3, column 'Px' is empty; expected a number"),
        ("Time,Px,Qty\n1,2,3\nx,2,3\n", SECONDS, "line 3, column 'Time' is 'x'; expected a time in s"),
        (
            "Time,Px,Qty\n1719840600,2,3\n1719840600125,2,3\n",
            SECONDS,
            "line 3, column 'Time' is '1719840600125'; expected a time in s since 1970, from 1677 to 2262",
        ),
        (
            "Time,Px,Qty\n-9223372037,2,3\n",
            SECONDS,
            "line 2, column 'Time' is '-9223372037'; expected a time in s .*another unit",
        ),
        (
            "Time,Px,Qty\n9223372036854776,2,3\n",
            {"time_format": "us"},
            "line 2, column 'Time' is '9223372036854776'; expected a time in us",
        ),
        (
            "Time,Px,Qty\n1719840600.5,2,3\n1719840600125.5,2,3\n",
            SECONDS,
            "line 3, column 'Time' is .*1719840600125.5.*; expected a time in s",
        ),
        (
            "Time,Px,Qty\n2024,2,3\n9999,2,3\n",
            {"time_format": "%Y"},
            "line 3, column 'Time' is '9999'; expected a time from 1677 to 2262",
        ),
        ("Time,Px,Qty\n12:00,2,3\n", {}, "line 2, column 'Time' is '12:00'; expected an ISO 8601 time"),
        ("Time,Px,Qty\n1,2,3\n", {"time_format": "%d/%m"}, "column 'Time' is '1'; expected .*'%d/%m'"),
        (
            "Time,Px,Qty\n2024-07-01 00:00:00,2,3\n2024-07-01T00:00:01Z,2,3\n",
            {},
            "line 3, column 'Time' is '2024-07-01T00:00:01Z'; expected .*without an offset, like the first",
        ),
        (
            "Time,Px,Qty\n2024-11-03 01:30:00,2,3\n",
            {"time_zone": "America/Chicago"},
            "line 2, column 'Time' is .*twice.*; expected a time that names one instant",
        ),
        (
            "Time,Px,Qty,S\n1,2,3,maker\n",
            SECONDS | {"columns": MAPPING | {"aggressor": "S"}},
            "line 2, column 'S' is 'maker'; expected 1, -1",
        ),
        (
            "Time,Px,Qty,N\n1,2,3,a\n",
            SECONDS | {"columns": MAPPING | {"id": "N"}},
            "line 2, column 'N' is 'a'; expected a whole number",
        ),
        ("Time,Px,Qty\n", {"columns": {"prise": "Px"}}, "mapping is for 'prise'; expected one of ts, price"),
        ("Time,Px,Qty\n1,2,3\n", {"symbol": ""}, "symbol is not said by the file; expected --symbol"),
        ("", {}, "line 1 is empty; expected a header"),
        ("Time,Px,Qty\n1,2\n", SECONDS, r"trades\.csv is not readable .*; expected a CSV file"),
    ],
)
def test_says_what_was_found_where_and_what_would_work(
    tmp_path: Path, text: str, given: dict[str, object], message: str
):
    path = csv(tmp_path, text)
    with pytest.raises(SourceInvalid, match=message):
        rows(path, options(**given))


def test_lines_are_counted_over_the_whole_file(tmp_path: Path):
    lines = [f"{second},1.5,2" for second in range(120_000)]
    lines[-1] = "119999,oops,2"
    path = csv(tmp_path, "Time,Px,Qty\n" + "\n".join(lines) + "\n")
    with pytest.raises(SourceInvalid, match="line 120001, column 'Px' is 'oops'"):
        rows(path, options(time_format="s"))


def test_reads_parquet_in_native_columns_and_in_others(tmp_path: Path):
    times = pa.array([SECOND_NS, 2 * SECOND_NS])
    native = tmp_path / "native.parquet"
    pq.write_table(pa.table({"ts_event_ns": times, "price": [1.5, 2.5], "size": [3, 4]}), native)
    other = tmp_path / "other.parquet"
    stamps = times.cast(pa.timestamp("ns")).cast(pa.timestamp("us"))
    sizes = pa.array([3, 4]).cast(pa.decimal128(20, 0))
    pq.write_table(pa.table({"Time": stamps, "Px": [1.5, 2.5], "Qty": sizes}), other)
    expected = [(SECOND_NS, 1.5, 3.0, 0), (2 * SECOND_NS, 2.5, 4.0, 0)]
    assert rows(native, options(columns={})) == expected
    assert rows(other, options(time_zone="UTC")) == expected
    shifted = rows(other, options(time_zone="Asia/Tokyo"))
    assert shifted[0][0] == SECOND_NS - 9 * 3_600 * SECOND_NS


def test_a_damaged_parquet_file_is_named(tmp_path: Path):
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(SourceInvalid, match=r"bad\.parquet is no Parquet"):
        Dataset(path, options())


def test_a_missing_or_other_file_is_named(tmp_path: Path):
    with pytest.raises(SourceInvalid, match=r"none\.csv is not a file"):
        Dataset(tmp_path / "none.csv")
    (tmp_path / "trades.xlsx").write_bytes(b"")
    with pytest.raises(SourceInvalid, match=r"of type '\.xlsx'; expected a \.parquet or \.csv"):
        Dataset(tmp_path / "trades.xlsx")


def test_slices_by_event_time_with_the_end_exclusive(tmp_path: Path):
    path = csv(tmp_path, "Time,Px,Qty\n" + "".join(f"{second},1,1\n" for second in (1, 2, 3, 2, 4, 5)))
    found = rows(path, options(time_format="s", from_ns=2 * SECOND_NS, to_ns=4 * SECOND_NS))
    assert [row[0] for row in found] == [2 * SECOND_NS, 3 * SECOND_NS, 2 * SECOND_NS]


def test_hands_over_a_bounded_stretch_at_a_time(tmp_path: Path):
    path = tmp_path / "many.parquet"
    count = 2 * CHUNK_ROWS + 5
    pq.write_table(pa.table({"ts_event_ns": range(count), "price": [1.0] * count, "size": [1] * count}), path)
    stretches: list[Ticks] = list(Dataset(path, options(columns={})).batches())
    assert [stretch.first_row for stretch in stretches] == [1, CHUNK_ROWS + 1, 2 * CHUNK_ROWS + 1]
    assert max(stretch.count for stretch in stretches) == CHUNK_ROWS
