"""The market as it was recorded, fed again in stream order, in batches of any size."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contracts.columns import pack
from contracts.market import COLUMNS_OF_KIND, TICKS_MAX, Clock, TickBatch
from streams.journal.files import JournalFile
from streams.journal.rows import numpy_column, read_file
from streams.journal.tables import KIND_OF_TABLE, message_from


class MarketEvent(NamedTuple):
    """One message for the processors, and the largest event time in it."""

    ts_event_ns: int
    message: TickBatch | Clock


def market_events(files: Iterable[JournalFile], batch_rows: int = 0) -> Iterator[MarketEvent]:
    """Every recorded tick and clock, in the order of the stream.

    Args:
        batch_rows: Rows of a batch at the most: messages that follow each other in one symbol are
            joined and cut anew. 0 keeps the batches as they were recorded.

    Raises FileUnreadable.
    """
    chosen = (file for file in files if file.table in {*KIND_OF_TABLE, "clocks"})
    market = sorted(chosen, key=lambda file: (file.stream, file.life, file.first, file.table, file.path))
    for _, group in groupby(market, key=lambda file: (file.stream, file.life, file.first)):
        pieces: list[_Piece | _ClockPiece] = []
        for table, same in groupby(group, key=lambda file: file.table):
            rows = pa.concat_tables([read_file(file) for file in same])
            pieces += _clock_pieces(rows) if table == "clocks" else _Ticks(table, rows).pieces()
        pieces.sort(key=lambda piece: piece.stream_seq)
        for piece in _joined(pieces) if batch_rows else pieces:
            if isinstance(piece, _ClockPiece):
                yield MarketEvent(piece.clock.ts_event_ns, piece.clock)
            else:
                yield from piece.ticks.events(piece, min(batch_rows or TICKS_MAX, TICKS_MAX))


class _ClockPiece(NamedTuple):
    stream_seq: int
    clock: Clock


class _Piece(NamedTuple):
    """Rows ``[start, end)`` of one table: a message, or several that follow each other."""

    stream_seq: int
    ticks: "_Ticks"
    start: int
    end: int


class _Ticks:
    """One flush of trades or quotes, column by column."""

    def __init__(self, table: str, rows: pa.Table) -> None:
        self.kind = KIND_OF_TABLE[table]
        rows = rows.sort_by([("stream_seq", "ascending"), ("row", "ascending")])
        self._layout = COLUMNS_OF_KIND[self.kind]
        self._columns = {name: numpy_column(rows, name) for name, _ in self._layout}
        self.stream_seq: NDArray[np.int64] = numpy_column(rows, "stream_seq")
        self.seq: NDArray[np.int64] = numpy_column(rows, "seq")
        self._recv_ns: NDArray[np.int64] = numpy_column(rows, "ts_recv_ns")
        self._names = {name: _Words(rows, name) for name in ("source", "venue", "symbol")}

    def pieces(self) -> list["_Piece"]:
        starts = np.flatnonzero(np.diff(self.stream_seq, prepend=-1))
        ends = [*starts[1:].tolist(), len(self.stream_seq)]
        return [
            _Piece(int(self.stream_seq[start]), self, start, end)
            for start, end in zip(starts.tolist(), ends, strict=True)
        ]

    def name_of(self, row: int) -> tuple[str, str, str]:
        words = self._names
        return words["source"][row], words["venue"][row], words["symbol"][row]

    def events(self, piece: "_Piece", batch_rows: int) -> Iterator[MarketEvent]:
        source, venue, symbol = self.name_of(piece.start)
        for start in range(piece.start, piece.end, batch_rows):
            end = min(start + batch_rows, piece.end)
            columns = {name: self._columns[name][start:end] for name, _ in self._layout}
            batch = TickBatch(
                source=source,
                venue=venue,
                symbol=symbol,
                kind=self.kind,  # type: ignore[arg-type]  # a key of KIND_OF_TABLE's values
                first_seq=int(self.seq[start]),
                count=end - start,
                ts_recv_ns=int(self._recv_ns[end - 1]),
                columns=pack(self._layout, columns),
            )
            yield MarketEvent(int(columns["ts_event_ns"].max()), batch)


class _Words:
    """A dictionary column, looked up by row."""

    def __init__(self, rows: pa.Table, name: str) -> None:
        column = rows.column(name).cast(pa.string()).combine_chunks().dictionary_encode()
        self._codes: NDArray[Any] = column.indices.to_numpy()
        self._words: list[str] = column.dictionary.to_pylist()

    def __getitem__(self, row: int) -> str:
        return self._words[int(self._codes[row])]


def _clock_pieces(rows: pa.Table) -> list[_ClockPiece]:
    made = []
    for row in rows.to_pylist():
        clock = message_from(Clock, row)
        assert isinstance(clock, Clock)
        made.append(_ClockPiece(row["stream_seq"], clock))
    return made


def _joined(pieces: list["_Piece | _ClockPiece"]) -> Iterator["_Piece | _ClockPiece"]:
    held: _Piece | None = None
    for piece in pieces:
        if held is not None and isinstance(piece, _Piece) and _follows(held, piece):
            held = held._replace(end=piece.end)
            continue
        if held is not None:
            yield held
            held = None
        if isinstance(piece, _Piece):
            held = piece
        else:
            yield piece
    if held is not None:
        yield held


def _follows(held: _Piece, piece: _Piece) -> bool:
    ticks = piece.ticks
    return (
        ticks is held.ticks
        and piece.start == held.end
        and int(ticks.seq[piece.start]) == int(ticks.seq[held.end - 1]) + 1
        and ticks.name_of(piece.start) == ticks.name_of(held.start)
    )
