"""The intake of a processor: which rows of a tick batch are new, in order and usable.

A row is taken once: rows whose sequence was seen are duplicates and dropped, sequences that never
came are a gap and counted, and a row whose time goes back or whose values break a rule is set
aside, with its cause, and not processed. Nothing is mended and nothing is dropped in silence.
"""

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from contracts.columns import Columns, ColumnsInvalid, pack, tick_columns
from contracts.market import TRADE_COLUMNS, TickBatch
from contracts.operations import DeadCause
from streams.kernels import INT, PACKED, TRADE_BYTES, Packed, kernel
from streams.quality.rules import PRICE_MAX, RULES, SIZE_MAX, Codes, Row, describe, judge, row_at

ASIDE_MAX = 10_000
"""Rows kept between two calls of ``take_aside``: a storm must not become a memory leak. All count."""


class Run(NamedTuple):
    """Rows to process: consecutive sequences, packed like a trade batch, read-only."""

    packed: Packed
    first_seq: int
    rows: int


class Aside(Struct, frozen=True, kw_only=True):
    """A row that was not processed, and why."""

    cause: DeadCause
    detail: str
    source: str
    venue: str
    symbol: str
    seq: int
    row: Row


class IntakeCounts(Struct, kw_only=True):
    """What became of every row offered: taken + duplicates + late + unusable.

    Attributes:
        gaps, missing: Holes in the sequence, and the rows they lack.
        late: Rows whose time went back.
    """

    taken: int = 0
    duplicates: int = 0
    gaps: int = 0
    missing: int = 0
    late: int = 0
    unusable: int = 0


class Series(Struct):
    """Where one symbol of one source has got to."""

    next_seq: int = 1
    last_ts_ns: int = 0


class Intake:
    """Admits the rows of trade batches, in the order of each (source, symbol)."""

    def __init__(self) -> None:
        self.counts = IntakeCounts()
        self._series: dict[tuple[str, str], Series] = {}
        self._floors: dict[str, int] = {}
        self._aside: list[Aside] = []

    def admit(self, batch: TickBatch) -> list[Run]:
        """The rows to process, as few runs as their sequences allow; usually one.

        Raises:
            ColumnsInvalid: the columns are not those of ``count`` trades; nothing was taken in.
        """
        packed = np.frombuffer(batch.columns, dtype=np.uint8)
        if packed.size != TRADE_BYTES * batch.count:
            raise ColumnsInvalid(packed.size, TRADE_BYTES * batch.count, batch.count)
        series = self._series.get((batch.source, batch.symbol))
        if series is None:
            series = self._series[batch.source, batch.symbol] = Series()
        floor = max(series.last_ts_ns, self._floors.get(batch.source, 0))
        if batch.first_seq == series.next_seq:
            end_ns = last_time_if_clean(packed, floor)
            if end_ns >= 0:
                series.next_seq += batch.count
                series.last_ts_ns = end_ns
                self.counts.taken += batch.count
                return [Run(packed, batch.first_seq, batch.count)]
        return self._sort(batch, series, floor)

    def advance(self, source: str, ts_event_ns: int) -> None:
        """Rows of this source before ``ts_event_ns`` are late from now on."""
        if ts_event_ns > self._floors.get(source, 0):
            self._floors[source] = ts_event_ns

    def take_aside(self) -> list[Aside]:
        """The rows set aside since the last call, at most ``ASIDE_MAX``."""
        taken, self._aside = self._aside, []
        return taken

    def _sort(self, batch: TickBatch, series: Series, floor: int) -> list[Run]:
        known = min(max(series.next_seq - batch.first_seq, 0), batch.count)
        self.counts.duplicates += known
        if known == batch.count:
            return []
        if batch.first_seq > series.next_seq:
            self.counts.gaps += 1
            self.counts.missing += batch.first_seq - series.next_seq
        columns = {name: column[known:] for name, column in tick_columns(batch).items()}
        codes = judge(columns, floor)
        first_seq = batch.first_seq + known
        self._set_aside(batch, first_seq, columns, codes)
        kept = np.flatnonzero(codes == 0)
        series.next_seq = batch.first_seq + batch.count
        self.counts.taken += len(kept)
        if len(kept) == 0:
            return []
        series.last_ts_ns = int(columns["ts_event_ns"][kept[-1]])
        runs = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
        return [_run(columns, int(rows[0]), int(rows[-1]) + 1, first_seq) for rows in runs]

    def _set_aside(self, batch: TickBatch, first_seq: int, columns: Columns, codes: Codes) -> None:
        for index in np.flatnonzero(codes).tolist():
            cause = RULES[codes[index] - 1]
            if cause is DeadCause.TIME_WENT_BACK:
                self.counts.late += 1
            else:
                self.counts.unusable += 1
            if len(self._aside) < ASIDE_MAX:
                row = row_at(columns, index)
                self._aside.append(
                    Aside(
                        cause=cause,
                        detail=describe(cause, row),
                        source=batch.source,
                        venue=batch.venue,
                        symbol=batch.symbol,
                        seq=first_seq + index,
                        row=row,
                    )
                )


def _run(columns: Columns, start: int, stop: int, first_seq: int) -> Run:
    packed = pack(TRADE_COLUMNS, {name: column[start:stop] for name, column in columns.items()})
    return Run(np.frombuffer(packed, dtype=np.uint8), first_seq + start, stop - start)


@kernel(INT(PACKED, INT))
def last_time_if_clean(packed: Packed, last_ts_ns: int) -> int:
    """The time of the last row where every row is usable and none goes back, else -1."""
    count = packed.size // TRADE_BYTES
    times = packed[: 8 * count].view(np.int64)
    prices = packed[8 * count : 16 * count].view(np.float64)
    sizes = packed[16 * count : 24 * count].view(np.float64)
    sides = packed[24 * count :].view(np.int8)
    latest = last_ts_ns
    for row in range(count):
        clean = (
            times[row] >= latest
            and 0.0 < prices[row] <= PRICE_MAX
            and 0.0 <= sizes[row] <= SIZE_MAX
            and -1 <= sides[row] <= 1
        )
        if not clean:
            return -1
        latest = times[row]
    return latest
