"""CSV files with a header line, read a stretch at a time, every cell as text."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from streams.sources.errors import SourceInvalid

FIRST_ROW = 2
"""The line of the first row: line 1 is the header. Cells that hold line breaks shift it."""

DELIMITERS = ",;\t|"
BLOCK_BYTES = 1 << 20


def describe(path: Path) -> tuple[list[str], dict[str, str]]:
    """Column names from the header; a CSV file carries no notes. Raises SourceInvalid."""
    return _header(path)[0], {}


def read(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows in file order, all columns text. Raises SourceInvalid on a ragged line."""
    _, delimiter = _header(path)
    wanted = list(dict.fromkeys(names))
    try:
        yield from pyarrow.csv.open_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except (pa.ArrowException, OSError) as error:
        expected = "a CSV file in UTF-8 with a header"
        raise SourceInvalid(str(path), "", f"not readable ({error})", expected) from error


def _header(path: Path) -> tuple[list[str], str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceInvalid(str(path), "line 1", f"not readable ({error})", "a header in UTF-8") from error
    if not line.strip():
        raise SourceInvalid(str(path), "line 1", "empty", "a header that names the columns")
    delimiter = max(DELIMITERS, key=line.count)
    return next(csv.reader([line], delimiter=delimiter)), delimiter
