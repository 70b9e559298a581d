"""The dataset player: a Parquet or CSV file of one symbol's trades, in its own order."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from msgspec import Struct

from contracts.columns import Columns
from streams.sources import csv_file, parquet_file
from streams.sources.cells import CellInvalid, aggressors, floats, times_ns, whole_numbers
from streams.sources.errors import SourceInvalid
from streams.sources.packaged import ES_FILE
from streams.sources.ticks import Ticks, empty_columns, sliced

REQUIRED, OPTIONAL = ("ts", "price", "size"), ("aggressor", "id")
"""What a column can be. ``ts`` is the event time; ``id`` the venue's own, consecutive number of the trade."""

ROLES = (*REQUIRED, *OPTIONAL)
NATIVE = {"ts": "ts_event_ns"}
"""A role's column unless the mapping says otherwise; the others are named like their role."""

NAME_MAX = 20


class DatasetOptions(Struct, frozen=True, kw_only=True):
    """How to read a file.

    Attributes:
        name: Of the source; empty means one made from the file's.
        columns: Role to column name, where it differs from the native one.
        time_format: See ``cells.times_ns``; empty means ``ns`` for ``ts_event_ns``, else ``iso``.
        time_zone: Of times that name none. Empty means what the file says; where it says nothing, such
            times are refused: read in the wrong zone they would be hours off, and nobody would notice.
        venue, symbol: Empty means what the file says; a CSV file says neither.
        from_ns, to_ns: Only ticks with ``from_ns <= ts_event_ns < to_ns``.
    """

    name: str = ""
    columns: Mapping[str, str] = {}
    time_format: str = ""
    time_zone: str = ""
    venue: str = ""
    symbol: str = ""
    from_ns: int | None = None
    to_ns: int | None = None


class Dataset:
    """A file as a source.

    Raises:
        SourceInvalid: the file is missing, or its columns are not those expected.
    """

    is_endless = False

    def __init__(self, path: Path, options: DatasetOptions | None = None) -> None:
        self._path, self._options = path, options or DatasetOptions()
        if not path.is_file():
            raise SourceInvalid(str(path), "", "not a file", "a .parquet or .csv file of trades")
        if path.suffix not in (".parquet", ".csv"):
            found = f"a file of type {path.suffix!r}"
            raise SourceInvalid(str(path), "", found, "a .parquet or .csv file")
        self._is_csv = path.suffix == ".csv"
        names, notes = (csv_file if self._is_csv else parquet_file).describe(path)
        self.time_zone = self._options.time_zone or notes.get("penstock.time_zone", "")
        self.venue = self._options.venue or notes.get("penstock.venue", "")
        self.symbol = self._options.symbol or notes.get("penstock.symbol", "")
        for what, value in (("venue", self.venue), ("symbol", self.symbol)):
            if not value:
                raise SourceInvalid(str(path), what, "not said by the file", f"--{what} with its name")
        self._names = self._columns(names)

    @property
    def name(self) -> str:
        if self._options.name:
            return self._options.name
        stem = "".join(c if c.isalnum() and c.isascii() else "-" for c in self._path.stem.lower()).strip("-")
        return stem[:NAME_MAX].strip("-") or "file"

    def batches(self) -> Iterator[Ticks]:
        """The file's ticks in its order. Raises SourceInvalid, naming the line or row."""
        return sliced(self._read(), self._options.from_ns, self._options.to_ns)

    def _read(self) -> Iterator[Ticks]:
        reader = csv_file if self._is_csv else parquet_file
        first_row = reader.FIRST_ROW
        for batch in reader.read(self._path, list(self._names.values())):
            if batch.num_rows:
                yield self._ticks(batch, first_row)
            first_row += batch.num_rows

    def _ticks(self, batch: pa.RecordBatch, first_row: int) -> Ticks:
        columns = empty_columns(batch.num_rows)
        ids = None
        for role, name in self._names.items():
            try:
                if role == "id":
                    ids = whole_numbers(batch.column(name))
                else:
                    self._fill(columns, role, batch.column(name))
            except CellInvalid as error:
                place = f"{'line' if self._is_csv else 'row'} {first_row + error.row}, column {name!r}"
                raise SourceInvalid(str(self._path), place, error.found, error.expected) from error
        return Ticks(venue=self.venue, symbol=self.symbol, columns=columns, ids=ids, first_row=first_row)

    def _fill(self, columns: Columns, role: str, cells: pa.Array) -> None:
        if role == "ts":
            columns["ts_event_ns"] = times_ns(cells, self._time_format, self.time_zone)
        elif role == "aggressor":
            columns[role] = aggressors(cells)
        else:
            columns[role] = floats(cells)

    @property
    def _time_format(self) -> str:
        if self._options.time_format:
            return self._options.time_format
        return "ns" if self._names["ts"] == NATIVE["ts"] else "iso"

    def _columns(self, found: list[str]) -> dict[str, str]:
        mapped, names = self._options.columns, {}
        for role in mapped:
            if role not in ROLES:
                raise SourceInvalid("the column mapping", "", f"for {role!r}", f"one of {', '.join(ROLES)}")
        for role in ROLES:
            name = mapped.get(role, NATIVE.get(role, role))
            if name in found:
                names[role] = name
            elif role in REQUIRED or role in mapped:
                hint = f"a column {name!r}, or --map {role}=NAME with one of {', '.join(found)}"
                raise SourceInvalid(str(self._path), f"the column for {role!r}", "not there", hint)
        return names


def packaged_es(from_ns: int | None = None, to_ns: int | None = None) -> Dataset:
    """The dataset that ships with the package; see ``data/NOTICE``."""
    return Dataset(ES_FILE, DatasetOptions(name="es", from_ns=from_ns, to_ns=to_ns))
