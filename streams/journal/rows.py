"""Rows: what the tables hold, in stream order and by key. What hashes cover and replay compares.

A key names one independent order: the rows of one symbol, the intents of one strategy and symbol,
the verdicts of the gate. Something that was published twice, which a crash allows, counts once.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from numpy.typing import NDArray

from contracts.columns import Layout, feature_layout, row_dtype
from contracts.control import CommandAnswered
from contracts.intents import Intent
from contracts.market import COLUMNS_OF_KIND, Bar
from contracts.states import BreakerChanged, TradingStateChanged
from contracts.verdicts import Verdict
from streams.journal.errors import FileUnreadable
from streams.journal.files import JournalFile, first_line, scan
from streams.journal.tables import FEATURES, KIND_OF_TABLE, MESSAGE_OF_TABLE, PLACE, message_from, schema_of

Rows = NDArray[np.void]


class Chunk(NamedTuple):
    """Consecutive rows of one key of a batch table.

    Attributes:
        key: ``<source>/<venue>/<symbol>``, for features with the set's name before it.
        names: The features in column order; empty for ticks.
        rows: ``seq`` and the packed columns, oldest first: one dtype, no padding.
        stream_seq: Where each row's message stood.
    """

    key: str
    names: tuple[str, ...]
    rows: Rows
    stream_seq: NDArray[np.int64]


class Stored(NamedTuple):
    """One message of a table of messages, and where it stood on the bus."""

    stream: str
    stream_seq: int
    ts_store_ns: int
    subject: str
    principal: str
    message: Struct


def journal_files(folder: Path) -> list[JournalFile]:
    """Every file of the journal, in stream order. Raises FileUnreadable for the first bad one."""
    found = scan(folder)
    for problem in found.problems:
        raise FileUnreadable(problem.path, problem.cause)
    return found.files


def read_file(file: JournalFile) -> pa.Table:
    """A file's rows. Raises FileUnreadable, also where a page is not what was written."""
    try:
        # Opened by Python, so that an audit hook hears of it.
        with (
            file.path.open("rb") as opened,
            pq.ParquetFile(opened, page_checksum_verification=True) as parquet,
        ):
            rows = parquet.read()
    except (pa.ArrowException, OSError) as error:
        raise FileUnreadable(file.path, first_line(error)) from error
    for name in _needed(file):
        if rows.schema.names.count(name) != 1:
            found = rows.schema.names.count(name)
            raise FileUnreadable(file.path, f"it has {found} columns named {name}, expected 1")
    return rows


def stream_seqs(file: JournalFile) -> NDArray[np.int64]:
    """The stream sequence of each row of a file. Raises FileUnreadable."""
    try:
        with (
            file.path.open("rb") as opened,
            pq.ParquetFile(opened, page_checksum_verification=True) as parquet,
        ):
            rows = parquet.read(columns=["stream_seq"])
    except (pa.ArrowException, OSError) as error:
        raise FileUnreadable(file.path, first_line(error)) from error
    if rows.num_columns != 1:
        raise FileUnreadable(file.path, f"it has {rows.num_columns} columns named stream_seq, expected 1")
    return numpy_column(rows, "stream_seq")


def flushes(files: Iterable[JournalFile], table: str) -> Iterator[tuple[tuple[str, ...], pa.Table]]:
    """The rows of one table, flush by flush and in stream order, with the feature names."""
    chosen = sorted(file for file in files if file.table == table)
    for _, group in groupby(chosen, key=lambda file: (file.stream, file.life, file.first, file.names)):
        parts = list(group)
        rows = pa.concat_tables([read_file(part) for part in parts])
        if len(parts) > 1:
            order = [(name, "ascending") for name in ("stream_seq", "row") if name in rows.schema.names]
            rows = rows.sort_by(order)
        yield parts[0].names, rows


def layout_of(table: str, names: tuple[str, ...] = ()) -> Layout:
    """The packed row of a batch table: what its hash covers."""
    if table == FEATURES:
        return feature_layout(names)
    return [("seq", "<i8"), *COLUMNS_OF_KIND[KIND_OF_TABLE[table]]]


def chunks(files: Iterable[JournalFile], table: str) -> Iterator[Chunk]:
    """The rows of ``trades``, ``quotes`` or ``features``; a sequence seen before is left out."""
    for chunk, fresh in _marked_chunks(files, table):
        if fresh.any():
            yield chunk if fresh.all() else _only(chunk, fresh)


def repeated_chunks(files: Iterable[JournalFile], table: str) -> Iterator[Chunk]:
    """What ``chunks`` leaves out: rows of a sequence that was seen before."""
    for chunk, fresh in _marked_chunks(files, table):
        if not fresh.all():
            yield _only(chunk, ~fresh)


def _only(chunk: Chunk, wanted: NDArray[np.bool_]) -> Chunk:
    return chunk._replace(rows=chunk.rows[wanted], stream_seq=chunk.stream_seq[wanted])


def _marked_chunks(files: Iterable[JournalFile], table: str) -> Iterator[tuple[Chunk, NDArray[np.bool_]]]:
    newest: dict[str, int] = {}
    for names, arrow in flushes(files, table):
        layout = layout_of(table, names)
        rows = np.empty(arrow.num_rows, dtype=row_dtype(layout))
        for name, _ in layout:
            rows[name] = numpy_column(arrow, name)
        stream_seq = numpy_column(arrow, "stream_seq")
        for key, where in _by_key(arrow, table):
            mine = rows[where]
            fresh = _rising(mine["seq"], newest.get(key, -1))
            if fresh.any():
                newest[key] = int(mine["seq"][fresh][-1])
            yield Chunk(key, names, mine, stream_seq[where]), fresh


def messages(files: Iterable[JournalFile], table: str) -> Iterator[Stored]:
    """The messages of a table that is not one of batches, in stream order.

    Raises FileUnreadable where a row is no message.
    """
    message_type = MESSAGE_OF_TABLE[table]
    for file in sorted(file for file in files if file.table == table):
        for row in read_file(file).to_pylist():
            try:
                message = message_from(message_type, row)
            except msgspec.ValidationError as error:
                cause = f"the row of stream_seq {row['stream_seq']} is no {table}: {error}"
                raise FileUnreadable(file.path, cause) from error
            principal = row.get("principal", "") if table == "intents" else ""
            yield Stored(
                file.stream, row["stream_seq"], row["ts_store_ns"], row["subject"], principal, message
            )


def key_of(stored: Stored) -> str:
    """The order that a message belongs to."""
    message = stored.message
    match message:
        case Bar():
            return f"{message.interval}/{message.source}/{message.venue}/{message.symbol}"
        case Intent():
            return f"{stored.principal}/{message.strategy_id}/{message.symbol}"
        case Verdict() | TradingStateChanged() | CommandAnswered():
            return "gate"
        case BreakerChanged():
            return f"{message.name}/{message.key}"
        case _:
            return stored.stream


def identity_of(stored: Stored) -> Any:
    """What makes a message the same one when it is seen again."""
    message = stored.message
    match message:
        case Bar():
            return message.ts_event_ns
        case Intent():
            return message.intent_id
        case Verdict():
            return message.principal, message.intent_id
        case BreakerChanged():
            return message.gate_seq, message.state
        case TradingStateChanged() | CommandAnswered():
            return message.gate_seq
        case _:
            return stored.stream_seq


def numpy_column(table: pa.Table, name: str) -> NDArray[Any]:
    """A column as numpy; what is null there (a feature that is warming up) is 0, as on the bus."""
    column = table.column(name)
    if column.null_count:
        column = column.fill_null(0)
    values: NDArray[Any] = column.to_numpy()
    return values


def key_columns(table: str) -> tuple[str, ...]:
    """The columns that make the key of a batch table."""
    return ("set", "source", "venue", "symbol") if table == FEATURES else ("source", "venue", "symbol")


def _needed(file: JournalFile) -> list[str]:
    if file.table == FEATURES or file.table in KIND_OF_TABLE:
        return list(schema_of(file.table, file.names).names)
    return [name for name, _ in PLACE]


def _by_key(arrow: pa.Table, table: str) -> Iterator[tuple[str, NDArray[np.intp]]]:
    code = np.zeros(arrow.num_rows, dtype=np.int64)
    values = []
    for name in key_columns(table):
        column = arrow.column(name).cast(pa.string()).combine_chunks().dictionary_encode()
        code = code * len(column.dictionary) + column.indices.to_numpy()
        values.append((column.indices.to_numpy(), column.dictionary.to_pylist()))
    distinct, first = np.unique(code, return_index=True)
    for which, at in zip(distinct, first, strict=True):
        key = "/".join(words[codes[at]] for codes, words in values)
        yield key, np.flatnonzero(code == which)


def _rising(seq: NDArray[np.int64], newest: int) -> NDArray[np.bool_]:
    highest = np.maximum.accumulate(np.concatenate(([newest], seq[:-1])))
    fresh: NDArray[np.bool_] = seq > np.maximum(highest, newest)
    return fresh
