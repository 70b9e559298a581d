"""The writer: decoded messages to Parquet files, whole files only, each message once.

A flush writes one file a table and date for each stream, all as drafts first; then it renames
them. A crash in between is finished, or undone, when the folder is opened again.
"""

import contextlib
import os
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from contracts.features import FeatureBatch
from contracts.identity import digest
from contracts.market import TickBatch
from contracts.verdicts import Verdict
from streams.journal.buffers import Key, Place, StreamBuffer, row_values
from streams.journal.errors import JournalUnwritable
from streams.journal.files import NAMES_KEY, TABLE_KEY, FileProblem, JournalFile, date_folder, file_name, scan
from streams.journal.gatelog import refuse_mode
from streams.journal.tables import RAW, table_of

DRAFT = ".draft"
"""Suffix of a file of a flush that has not been committed; its name also begins with a dot."""

INTENTS_PREFIX = "INTENTS_"

OVERLAP = 512
"""Messages before the last one whose storing times are kept, to see that a stream is still the same."""


class Rewind(NamedTuple):
    """A stream that gave sequences out again: its broker has lost what it held from ``first_seq`` on.

    Attributes:
        lost: Messages that the journal has and the stream does not have any more.
    """

    stream: str
    life: int
    first_seq: int
    lost: int


class JournalWriter:
    """Buffers messages and flushes them into one journal folder. One process at a time.

    Attributes:
        folder: ``journal/`` of a run.
        problems: Torn or foreign files that lay there when it was opened; they are left alone.
        rewinds: The streams that lost their end to a crash of the broker while this was open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rewinds: list[Rewind] = []
        self._covered: dict[str, _Spans] = {}
        self._lives: dict[str, int] = {}
        self._stored_ns: dict[str, dict[int, int]] = {}
        self._pending: dict[str, StreamBuffer] = {}
        self._closed: list[tuple[str, StreamBuffer]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _finish_flush(folder)
        except OSError as error:
            raise JournalUnwritable(folder, error.strerror or str(error)) from error
        found = scan(folder)
        self.problems: list[FileProblem] = found.problems
        for stream in {file.stream for file in found.files}:
            self._resume(stream, [file for file in found.files if file.stream == stream])

    @property
    def rows(self) -> int:
        """Rows that wait for a flush."""
        waiting = [*self._pending.values(), *(buffer for _, buffer in self._closed)]
        return sum(buffer.rows for buffer in waiting)

    def next_seq(self, stream: str) -> int:
        """The first sequence of a stream that no file covers."""
        return self._spans(stream).first_gap()

    def read_from(self, stream: str) -> int:
        """Where to read on after a restart: before ``next_seq``, so that a lost end of the stream shows."""
        return max(1, self.next_seq(stream) - OVERLAP)

    def last_seqs(self) -> dict[str, int]:
        """The last sequence of each stream that was flushed, in its present life."""
        return {stream: spans.last for stream, spans in self._covered.items()}

    def add(self, message: Struct, *, subject: str, stream: str, stream_seq: int, ts_store_ns: int) -> bool:
        """Take in one message; False where its (stream, sequence) is known, and nothing is kept.

        Raises:
            ColumnsInvalid: a batch does not hold the columns that it promises.
            Unstorable: no table is declared for it. In both cases ``add_raw`` keeps the bytes.
        """
        place = Place(stream, stream_seq, ts_store_ns, subject)
        if self._is_known(place):
            return False
        buffer = self._buffer(place)
        table = table_of(message)
        if isinstance(message, TickBatch | FeatureBatch):
            buffer.add_batch(place, message, date_folder(_event_ns(message, ts_store_ns)))
        else:
            principal = stream.removeprefix(INTENTS_PREFIX).lower()
            values = row_values(message, table, principal)
            buffer.add_row(place, table, date_folder(_event_ns(message, ts_store_ns)), values)
        return True

    def add_raw(
        self, payload: bytes, cause: str, *, subject: str, stream: str, stream_seq: int, ts_store_ns: int
    ) -> bool:
        """Keep the bytes of a message that has no other place, and why; False where it is known."""
        place = Place(stream, stream_seq, ts_store_ns, subject)
        if self._is_known(place):
            return False
        self._buffer(place).add_row(place, RAW, date_folder(ts_store_ns), (cause, payload))
        return True

    def flush(self) -> int:
        """Write everything that waits, whole; the number of rows written.

        Raises:
            JournalUnwritable: what could not be written still waits, and may be tried again.
        """
        self._closed += [(stream, buffer) for stream, buffer in self._pending.items() if buffer.rows]
        self._pending.clear()
        rows = 0
        while self._closed:
            stream, buffer = self._closed[0]
            self._write(stream, buffer)
            rows += buffer.rows
            self._closed.pop(0)
        return rows

    def _resume(self, stream: str, files: list[JournalFile]) -> None:
        life = self._lives[stream] = max(file.life for file in files)
        present = [file for file in files if file.life == life]
        base = min(file.first for file in present) if life else 1
        spans = self._covered[stream] = _Spans(base)
        for file in present:
            spans.add(file.first, file.last)
        times: dict[int, int] = {}
        for file in sorted(files, key=lambda file: (file.life, file.last)):
            if file.last > spans.last - OVERLAP:
                found = _stored_ns(file)
                times |= {seq: ns for seq, ns in found.items() if file.life == life or seq < base}
        self._stored_ns[stream] = dict(sorted(times.items())[-OVERLAP:])

    def _is_known(self, place: Place) -> bool:
        pending = self._pending.get(place.stream)
        known = pending is not None and pending.first <= place.stream_seq <= pending.last
        if not known and place.stream_seq not in self._spans(place.stream):
            return False
        stored_ns = self._stored_ns.get(place.stream, {}).get(place.stream_seq, place.ts_store_ns)
        if stored_ns == place.ts_store_ns:
            return True
        self._rewind(place)
        return False

    def _rewind(self, place: Place) -> None:
        # The same sequence stored at another time is another message: both stay, one life after another.
        stream, seq = place.stream, place.stream_seq
        buffer = self._pending.pop(stream, None)
        if buffer is not None:
            self._close(stream, buffer)
        life = self._lives[stream] = self._lives.get(stream, 0) + 1
        self.rewinds.append(Rewind(stream, life, seq, self._spans(stream).last - seq + 1))
        self._covered[stream] = _Spans(seq)
        times = self._stored_ns.get(stream, {})
        self._stored_ns[stream] = {old: ns for old, ns in times.items() if old < seq}

    def _buffer(self, place: Place) -> StreamBuffer:
        times = self._stored_ns.setdefault(place.stream, {})
        times[place.stream_seq] = place.ts_store_ns
        if len(times) > OVERLAP:
            del times[next(iter(times))]
        buffer = self._pending.get(place.stream)
        spans = self._spans(place.stream)
        if buffer is not None and spans.between(buffer.last, place.stream_seq):
            # Between the two lies what an earlier flush holds: files of a life never overlap.
            self._close(place.stream, buffer)
            buffer = None
        if buffer is None:
            first, life = spans.gap_before(place.stream_seq), self._lives.get(place.stream, 0)
            buffer = self._pending[place.stream] = StreamBuffer(first, life)
        return buffer

    def _close(self, stream: str, buffer: StreamBuffer) -> None:
        if buffer.rows:
            self._closed.append((stream, buffer))
            self._spans(stream).add(buffer.first, buffer.last)

    def _write(self, stream: str, buffer: StreamBuffer) -> None:
        drafts: list[tuple[Path, Path]] = []
        try:
            for key, rows in buffer.files().items():
                path = self.folder / stream / key.date / _name(key, buffer)
                path.parent.mkdir(parents=True, exist_ok=True)
                refuse_mode(path.parent)
                draft = path.with_name(f".{path.name}{DRAFT}")
                drafts.append((draft, path))
                _write_draft(draft, _noted(rows.table(), key))
        except (OSError, pa.ArrowException) as error:
            _drop([draft for draft, _ in drafts])
            raise JournalUnwritable(self.folder / stream, _cause(error)) from error
        try:
            for draft, path in drafts:
                draft.replace(path)
        except OSError as error:
            raise JournalUnwritable(self.folder / stream, _cause(error)) from error
        if buffer.life == self._lives.get(stream, 0):
            self._spans(stream).add(buffer.first, buffer.last)

    def _spans(self, stream: str) -> "_Spans":
        return self._covered.setdefault(stream, _Spans())


def probe(folder: Path) -> None:
    """Write and remove a tiny file, to learn whether a flush could be written now.

    Raises JournalUnwritable.
    """
    path = folder / ".probe"
    try:
        refuse_mode(folder)
        with path.open("wb") as file:
            file.write(b"penstock" * 64)
            file.flush()
            os.fdatasync(file.fileno())
        path.unlink(missing_ok=True)  # another probe of the same folder may have been quicker
    except OSError as error:
        raise JournalUnwritable(folder, error.strerror or str(error)) from error


class _Spans:
    """Sequences of one life that files cover, as disjoint spans. The life begins at ``base``."""

    def __init__(self, base: int = 1) -> None:
        self._base = base
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    @property
    def last(self) -> int:
        """The last one covered."""
        return self._lasts[-1] if self._lasts else self._base - 1

    def __contains__(self, seq: int) -> bool:
        index = bisect_right(self._firsts, seq) - 1
        return seq < self._base or (index >= 0 and seq <= self._lasts[index])

    def add(self, first: int, last: int) -> None:
        spans = sorted([*zip(self._firsts, self._lasts, strict=True), (first, last)])
        merged: list[tuple[int, int]] = []
        for low, high in spans:
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        self._firsts = [low for low, _ in merged]
        self._lasts = [high for _, high in merged]

    def first_gap(self) -> int:
        return self._lasts[0] + 1 if self._firsts and self._firsts[0] == self._base else self._base

    def gap_before(self, seq: int) -> int:
        """Where the uncovered stretch begins that holds ``seq``."""
        index = bisect_right(self._firsts, seq) - 1
        return self._lasts[index] + 1 if index >= 0 else self._base

    def between(self, low: int, high: int) -> bool:
        """Whether a span begins after ``low`` and before ``high``."""
        index = bisect_right(self._firsts, low)
        return index < len(self._firsts) and self._firsts[index] < high


def _event_ns(message: Struct, ts_store_ns: int) -> int:
    if isinstance(message, TickBatch):
        return int.from_bytes(message.columns[:8], "little", signed=True)
    if isinstance(message, FeatureBatch):
        offset = 8 * message.count  # behind ``seq``, the first of the fixed columns
        return int.from_bytes(message.columns[offset : offset + 8], "little", signed=True)
    if isinstance(message, Verdict):
        return message.gate_ts_ns
    return int(getattr(message, "ts_event_ns", ts_store_ns))


def _name(key: Key, buffer: StreamBuffer) -> str:
    part = digest(",".join(key.names).encode())[:8] if key.names else ""
    return file_name(key.table, buffer.first, buffer.last, part, buffer.life)


def _noted(table: pa.Table, key: Key) -> pa.Table:
    noted = {TABLE_KEY: key.table.encode(), NAMES_KEY: ",".join(key.names).encode()}
    return table.replace_schema_metadata(noted)


def _write_draft(draft: Path, table: pa.Table) -> None:
    with draft.open("wb") as file:
        pq.write_table(table, file, compression="zstd", compression_level=1, write_page_checksum=True)
        file.flush()
        os.fsync(file.fileno())


def _drop(drafts: list[Path]) -> None:
    for draft in drafts:
        with contextlib.suppress(OSError):  # a draft is never read as data; opening removes it
            draft.unlink(missing_ok=True)


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _finish_flush(folder: Path) -> None:
    # Drafts are renamed only when all of a flush are whole. One renamed file of the same span
    # says that they were; none says that the flush never happened, and its rows come again.
    drafts = sorted(folder.glob(f"*/*/.*{DRAFT}"))
    committed = []
    for draft in drafts:
        flush = _flush_of(draft.name.removeprefix(".").removesuffix(DRAFT))
        folders = draft.parent.parent
        if any(_flush_of(path.name) == flush for path in folders.glob("*/[a-z]*.parquet")):
            committed.append(draft)
    for draft in drafts:
        if draft in committed:
            draft.replace(draft.with_name(draft.name.removeprefix(".").removesuffix(DRAFT)))
        else:
            draft.unlink()


def _flush_of(name: str) -> tuple[str, ...]:
    # The life and the span of a file, which all files of one flush of a stream share.
    table, *span = name.removesuffix(".parquet").split("-")[:3]
    return (table.partition(".")[2], *span)


def _stored_ns(file: JournalFile) -> dict[int, int]:
    names = ("stream_seq", "ts_store_ns")
    try:
        with pq.ParquetFile(file.path) as parquet:
            rows = parquet.read(columns=list(names))
    except (pa.ArrowException, OSError):  # its readers say so; here it only vouches for nothing
        return {}
    return dict(zip(*(rows.column(name).to_pylist() for name in names), strict=True))
