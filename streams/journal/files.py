"""Journal files: where a flush lies, and which of the files found there can be used.

``<STREAM>/date=<YYYY-MM-DD>/<table>-<first>-<last>.parquet``, where first and last are the stream
sequences that the flush covers, and the date is that of the rows' event time in UTC. A features
file carries a part after ``last``: a digest of its feature names.

A broker that crashed may have lost the end of a stream, and then gives its sequences out again.
What was recorded before is a life of the stream, what comes then is the next one: its files are
``<table>.<life>-<first>-<last>.parquet``. Lives follow each other, as live readers saw them.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from streams.journal.tables import TABLES

TABLE_KEY, NAMES_KEY = b"penstock.table", b"penstock.features"

_NAME = re.compile(
    r"(?P<table>[a-z_]+)(?:\.(?P<life>\d+))?-(?P<first>\d{12,})-(?P<last>\d{12,})(?:-[0-9a-f]+)?\.parquet"
)
_DATE = re.compile(r"date=\d{4}-\d{2}-\d{2}")


class JournalFile(NamedTuple):
    """One usable file. Sorted, the files of one table are in stream order."""

    stream: str
    table: str
    life: int
    first: int
    last: int
    path: Path
    rows: int
    names: tuple[str, ...]


class FileProblem(NamedTuple):
    """A file in the journal that cannot be used, and why."""

    path: Path
    cause: str

    def __str__(self) -> str:
        return f"{self.path}: {self.cause}"


class Scan(NamedTuple):
    """What lies in a journal folder."""

    files: list[JournalFile]
    problems: list[FileProblem]


def scan(folder: Path) -> Scan:
    """Every file of a journal, sorted; torn and foreign ones as problems. Never raises for a file."""
    files: list[JournalFile] = []
    problems: list[FileProblem] = []
    for path in sorted(folder.glob("*/*/*")):
        if path.name.startswith("."):
            continue
        found = inspect_file(path)
        if isinstance(found, JournalFile):
            files.append(found)
        else:
            problems.append(found)
    files.sort(key=lambda file: (file.stream, file.life, file.first, file.table, file.path))
    return Scan(files, problems)


def inspect_file(path: Path) -> JournalFile | FileProblem:
    """What a file is, from its name and its footer."""
    match = _NAME.fullmatch(path.name)
    if match is None or match["table"] not in TABLES or not _DATE.fullmatch(path.parent.name):
        return FileProblem(path, "not a journal file by its name; move it out of the journal")
    try:
        with path.open("rb") as opened:
            footer = pq.read_metadata(opened)
    except (pa.ArrowException, OSError) as error:
        return FileProblem(path, f"not readable as Parquet, torn or foreign: {first_line(error)}")
    noted = footer.metadata or {}
    if noted.get(TABLE_KEY, b"").decode(errors="replace") != match["table"]:
        return FileProblem(path, f"its footer does not name table {match['table']}: not a recorder's file")
    names = tuple(name for name in noted.get(NAMES_KEY, b"").decode(errors="replace").split(",") if name)
    life, first, last = int(match["life"] or 0), int(match["first"]), int(match["last"])
    stream = path.parent.parent.name
    return JournalFile(stream, match["table"], life, first, last, path, footer.num_rows, names)


def file_name(table: str, first: int, last: int, part: str = "", life: int = 0) -> str:
    """The name that ``inspect_file`` reads back."""
    table = f"{table}.{life}" if life else table
    return f"{table}-{first:012d}-{last:012d}{'-' if part else ''}{part}.parquet"


def date_folder(ts_ns: int) -> str:
    """``date=YYYY-MM-DD`` of a Unix time, UTC."""
    ts_ns = max(0, ts_ns)  # columns are not bounded, and a bad time must not lose its row
    return f"date={datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC):%Y-%m-%d}"


def first_line(error: BaseException) -> str:
    """An error's message on one line."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
