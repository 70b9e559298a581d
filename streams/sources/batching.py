"""Batches of one symbol: at 64 rows or after a linger, whichever comes first.

Where a batch ends is a function of event times alone: the linger, which people give in wall time,
is taken times the speed of the playback. The same ticks at the same speed make the same batches.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from contracts.columns import Columns
from contracts.market import TICKS_MAX
from streams.sources.ticks import Ticks

ROWS_MAX = 64


class Batch(Struct, frozen=True, kw_only=True):
    """Rows that are published together.

    Attributes:
        due_ns: Event time at which they are due: that of the last row where the batch is full,
            else that of the first row plus the linger.
        first_seq: Sequence of the first row, from 1 in its symbol, without holes.
    """

    due_ns: int
    venue: str
    symbol: str
    first_seq: int
    columns: Columns

    @property
    def count(self) -> int:
        return len(self.columns["ts_event_ns"])

    @property
    def last_ts_ns(self) -> int:
        return int(self.columns["ts_event_ns"][-1])


def batched(ticks: Iterator[Ticks], *, rows_max: int = ROWS_MAX, linger_ns: int) -> Iterator[Batch]:
    """The batches of one symbol, in order of ``due_ns``.

    Args:
        ticks: Of one symbol, in order of event time; the caller's guard has seen to it.
        linger_ns: Event time that the first row of a batch waits at the most.
    """
    if not 1 <= rows_max <= TICKS_MAX or linger_ns < 0:
        found = f"rows_max is {rows_max} and linger_ns {linger_ns}"
        raise ValueError(f"{found}; expected 1 to {TICKS_MAX}, and at least 0")
    rest: Ticks | None = None
    seq = 1
    for stretch in ticks:
        rows = stretch if rest is None else _joined(rest, stretch)
        start = 0
        for batch in _closed(rows, seq, rows_max, linger_ns):
            yield batch
            start += batch.count
        seq += start
        rest = _between(rows, start, rows.count)
    if rest is not None and rest.count:
        due_ns = int(rest.columns["ts_event_ns"][0]) + linger_ns
        yield _batch(rest, 0, rest.count, seq, due_ns)


def _closed(rows: Ticks, first_seq: int, rows_max: int, linger_ns: int) -> Iterator[Batch]:
    """The batches that no later row can join."""
    times = rows.columns["ts_event_ns"]
    limits = times + linger_ns
    ends = np.searchsorted(times, limits, side="right").tolist()
    start, count = 0, rows.count
    while start < count:
        end = ends[start]
        if end - start >= rows_max:
            end = start + rows_max
            due_ns = int(times[end - 1])
        elif end < count:
            due_ns = int(limits[start])
        else:
            return
        yield _batch(rows, start, end, first_seq + start, due_ns)
        start = end


def _batch(rows: Ticks, start: int, end: int, first_seq: int, due_ns: int) -> Batch:
    return Batch(
        due_ns=due_ns,
        venue=rows.venue,
        symbol=rows.symbol,
        first_seq=first_seq,
        columns={name: column[start:end] for name, column in rows.columns.items()},
    )


def _between(rows: Ticks, start: int, end: int) -> Ticks:
    columns = {name: column[start:end] for name, column in rows.columns.items()}
    return Ticks(venue=rows.venue, symbol=rows.symbol, columns=columns)


def _joined(first: Ticks, second: Ticks) -> Ticks:
    columns = {name: np.concatenate([first.columns[name], second.columns[name]]) for name in first.columns}
    return Ticks(venue=first.venue, symbol=first.symbol, columns=columns)
