"""Buffers: rows of one table that wait for the next flush, and their Arrow form."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from contracts.columns import Columns, feature_columns, tick_columns
from contracts.features import FeatureBatch
from contracts.market import TickBatch
from streams.journal.tables import FEATURES, PLACE, TICK_TABLES, schema_of, values_of


class Place(NamedTuple):
    """Where a message stood: its stream, sequence there, storing time and subject."""

    stream: str
    stream_seq: int
    ts_store_ns: int
    subject: str


class Buffer(Protocol):
    """Rows of one table with one schema, in stream order."""

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def table(self) -> pa.Table:
        """Everything added, as Arrow."""
        ...


class BatchBuffer:
    """Tick or feature batches: headers repeated, columns joined."""

    def __init__(self, table: str, names: tuple[str, ...] = ()) -> None:
        self.rows = 0
        self._names = names
        self._schema = schema_of(table, names)
        self._heads: list[tuple[Any, ...]] = []
        self._counts: list[int] = []
        self._parts: list[Columns] = []

    def add(self, place: Place, batch: TickBatch | FeatureBatch, columns: Columns) -> None:
        """Take in one batch whose columns have been unpacked."""
        head: dict[str, Any] = {
            "stream_seq": place.stream_seq,
            "ts_store_ns": place.ts_store_ns,
            "subject": place.subject,
            "source": batch.source,
            "venue": batch.venue,
            "symbol": batch.symbol,
            "ts_recv_ns": batch.ts_recv_ns,
        }
        if isinstance(batch, FeatureBatch):
            head["set"] = batch.set
        else:
            seq = np.arange(batch.first_seq, batch.first_seq + batch.count, dtype="<i8")
            columns = {**columns, "seq": seq}
        self._heads.append(tuple(head.get(name) for name in self._schema.names))
        self._counts.append(batch.count)
        self._parts.append(columns)
        self.rows += batch.count

    def table(self) -> pa.Table:
        counts = np.array(self._counts)
        which = np.repeat(np.arange(len(counts)), counts)
        arrays = [self._array(index, field, which, counts) for index, field in enumerate(self._schema)]
        return pa.table(arrays, schema=self._schema)

    def _array(
        self, index: int, field: pa.Field, which: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> pa.Array:
        if field.name == "row":
            starts = np.cumsum(counts) - counts
            return pa.array(np.arange(len(which)) - starts[which], pa.int32())
        if field.name in self._parts[0]:
            values = np.concatenate([part[field.name] for part in self._parts])
            return pa.array(values, field.type, mask=self._warming(field.name))
        heads = [head[index] for head in self._heads]
        if pa.types.is_dictionary(field.type):
            distinct = list(dict.fromkeys(heads))
            position = {value: place for place, value in enumerate(distinct)}
            codes = np.array([position[value] for value in heads], dtype="<i4")[which]
            return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(distinct, pa.string()))
        return pa.array(np.array(heads)[which], field.type)

    def _warming(self, name: str) -> NDArray[np.bool_] | None:
        # A feature that is still warming up is null in the file, so that an average in SQL is one.
        if name not in self._names:
            return None
        valid = np.concatenate([part["valid"] for part in self._parts]).astype(np.uint64)
        bit = np.uint64(self._names.index(name))
        missing: NDArray[np.bool_] = (valid >> bit & np.uint64(1)) == 0
        return missing


class RowBuffer:
    """Messages of one row each."""

    def __init__(self, table: str) -> None:
        self._schema = schema_of(table)
        self._rows: list[tuple[Any, ...]] = []

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self._rows)

    def add(self, place: Place, values: tuple[Any, ...]) -> None:
        """Take in one row: the values of every column behind ``PLACE``."""
        row = (place.stream_seq, place.ts_store_ns, place.subject, *values)
        assert len(row) == len(self._schema), (len(PLACE), self._schema.names)
        self._rows.append(row)

    def table(self) -> pa.Table:
        columns = list(zip(*self._rows, strict=True))
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        return pa.table(arrays, schema=self._schema)


class Key(NamedTuple):
    """Which file of a flush a row goes to."""

    table: str
    date: str
    names: tuple[str, ...] = ()


class StreamBuffer:
    """What waits for one stream: its life, the span of sequences that it covers, and its rows by file."""

    def __init__(self, first: int, life: int = 0) -> None:
        self.first = first
        self.life = life
        self.last = first - 1
        self.rows = 0
        self.batches: dict[Key, BatchBuffer] = {}
        self.singles: dict[Key, RowBuffer] = {}

    def add_batch(self, place: Place, batch: TickBatch | FeatureBatch, date: str) -> None:
        """Take in a batch. Raises ColumnsInvalid or Unstorable, and then holds nothing of it."""
        if isinstance(batch, FeatureBatch):
            key, columns = Key(FEATURES, date, batch.names), feature_columns(batch)
        else:
            key, columns = Key(TICK_TABLES[batch.kind], date), tick_columns(batch)
        if key not in self.batches:
            self.batches[key] = BatchBuffer(key.table, key.names)
        self.batches[key].add(place, batch, columns)
        self._covers(place, batch.count)

    def add_row(self, place: Place, table: str, date: str, values: tuple[Any, ...]) -> None:
        """Take in one row."""
        key = Key(table, date)
        if key not in self.singles:
            self.singles[key] = RowBuffer(table)
        self.singles[key].add(place, values)
        self._covers(place, 1)

    def files(self) -> Mapping[Key, Buffer]:
        """The rows by file."""
        return {**self.batches, **self.singles}

    def _covers(self, place: Place, rows: int) -> None:
        self.last = place.stream_seq
        self.rows += rows


def row_values(message: Struct, table: str, principal: str) -> tuple[Any, ...]:
    """A message's columns behind ``PLACE``; an intent's begin with who proposed it."""
    own = (principal,) if table == "intents" else ()
    return (*own, *values_of(message))
