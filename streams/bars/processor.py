"""The bar processor: trade batches and clocks in, closed bars out."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from contracts.market import TICKS_MAX, Bar, Clock, TickBatch
from streams.bars.intervals import interval_ns
from streams.bars.kernel import (
    AMOUNT,
    CLOSE,
    FIRST_SEQ,
    HIGH,
    LAST_SEQ,
    LOW,
    MARKS,
    OPEN,
    START,
    TRADES,
    VOLUME,
    WIDTH,
    fold,
)
from streams.kernels import Floats
from streams.quality.intake import Aside, Intake, IntakeCounts


class BarStatistics(Struct, frozen=True, kw_only=True):
    """Counts since the start: bars made, and what became of the rows offered."""

    bars: int
    rows: IntakeCounts
    ignored: int


class BarProcessor:
    """Makes the bars of every (source, symbol).

    An interval is ``[start, start + length)`` from the epoch on. Its bar is closed by the first later
    tick at or beyond its end, or by a clock of the same source that says so much time has passed; it is
    never published while a tick may still belong to it, and an interval without trades makes none. A
    final clock closes no interval early. How rows are split into batches changes nothing.
    """

    def __init__(self, intervals: Sequence[str] = ("1s", "1m")) -> None:
        self._intervals = tuple((interval, interval_ns(interval)) for interval in intervals)
        self._intake = Intake()
        self._making: dict[str, dict[str, _Making]] = {}
        self._closed = np.empty(TICKS_MAX * WIDTH)
        self._bars = self._ignored = 0

    def process(self, batch: TickBatch) -> list[Bar]:
        """The bars that this batch closes, by end, then in the order of the intervals.

        Raises:
            contracts.columns.ColumnsInvalid: the columns are not those of ``count`` trades; the
                state is as it was.
        """
        if batch.kind != "trade":
            self._ignored += batch.count
            return []
        runs = self._intake.admit(batch)
        if not runs:
            return []
        making = self._of(batch)
        bars: list[tuple[int, int, Bar]] = []
        for rank, (interval, length_ns) in enumerate(self._intervals):
            for run in runs:
                count = fold(run.packed, run.first_seq, length_ns, making.bars[rank], self._closed)
                for index in range(count):
                    packed = self._closed[index * WIDTH : (index + 1) * WIDTH]
                    bar = _bar(making, interval, length_ns, packed)
                    bars.append((bar.ts_event_ns, rank, bar))
        return self._in_order(bars)

    def advance(self, clock: Clock) -> list[Bar]:
        """The bars that are over at a source's clock; a tick before the clock is late from now on."""
        self._intake.advance(clock.source, clock.ts_event_ns)
        bars = []
        for making in self._making.get(clock.source, {}).values():
            for rank, (interval, length_ns) in enumerate(self._intervals):
                packed = making.bars[rank]
                marks = packed[MARKS:].view(np.int64)
                if marks[TRADES] and marks[START] + length_ns <= clock.ts_event_ns:
                    bar = _bar(making, interval, length_ns, packed)
                    bars.append((bar.ts_event_ns, rank, bar))
                    marks[TRADES] = 0
        return self._in_order(bars)

    def take_aside(self) -> list[Aside]:
        """The rows set aside since the last call: late or unusable, in no bar."""
        return self._intake.take_aside()

    def statistics(self) -> BarStatistics:
        """Counts since the start."""
        return BarStatistics(bars=self._bars, rows=self._intake.counts, ignored=self._ignored)

    def _of(self, batch: TickBatch) -> "_Making":
        symbols = self._making.setdefault(batch.source, {})
        making = symbols.get(batch.symbol)
        if making is None:
            bars = tuple(np.zeros(WIDTH) for _ in self._intervals)
            making = symbols[batch.symbol] = _Making(batch.source, batch.venue, batch.symbol, bars)
        return making

    def _in_order(self, bars: list[tuple[int, int, Bar]]) -> list[Bar]:
        self._bars += len(bars)
        bars.sort(key=lambda item: item[:2])
        return [bar for _, _, bar in bars]


class _Making(Struct):
    """The bars in the making of one symbol, one an interval."""

    source: str
    venue: str
    symbol: str
    bars: tuple[Floats, ...]


def _bar(making: _Making, interval: str, length_ns: int, packed: Floats) -> Bar:
    values = packed[:MARKS].tolist()
    marks = packed[MARKS:].view(np.int64).tolist()
    volume, high, low = values[VOLUME], values[HIGH], values[LOW]
    # Rounding may carry the quotient an ulp outside the prices that it averages.
    vwap = min(max(values[AMOUNT] / volume, low), high) if volume > 0.0 else values[CLOSE]
    return Bar(
        source=making.source,
        venue=making.venue,
        symbol=making.symbol,
        interval=interval,
        ts_open_ns=marks[START],
        ts_event_ns=marks[START] + length_ns,
        open=values[OPEN],
        high=high,
        low=low,
        close=values[CLOSE],
        volume=volume,
        vwap=vwap,
        trades=marks[TRADES],
        first_seq=marks[FIRST_SEQ],
        last_seq=marks[LAST_SEQ],
    )
