"""The guard of a feed: bad rows are taken out and reported before anything is published.

Nothing is mended: a row is passed on as it came or reported with its cause and content. A gap is
reported and the row after it passed on. The state is one a symbol, so where chunks end does not matter.
"""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.columns import Columns
from contracts.operations import DeadCause
from streams.quality.rules import PRICE_MAX, RULES, SIZE_MAX, Row, describe, judge, row_at

GAP_NS = 60_000_000_000
"""A longer silence between two trades is reported."""

REPEATED = -1


class Problem(Struct, frozen=True, kw_only=True):
    """One row that was taken out, or before which something is missing.

    Attributes:
        row: Its content. A ``GAP`` names the first row after it, which was passed on.
        index: Its position in the symbol's data, from 0, over all chunks.
        detail: What was found and what was expected.
    """

    cause: DeadCause
    symbol: str
    index: int
    row: Row
    detail: str


class Checked(NamedTuple):
    """The rows to publish, and what was wrong with the others."""

    columns: Columns
    problems: list[Problem]


class _Past(Struct):
    """What the guard remembers of a symbol: rows offered, the last good row's time, the last id."""

    offered: int = 0
    last_ts_ns: int = -1
    last_id: int | None = None


class Guard:
    """Judges the trades of every symbol of one source.

    Attributes:
        counts: Problems so far, by cause.
        rows, kept: Rows offered and passed on.
    """

    def __init__(self, *, gap_ns: int = GAP_NS) -> None:
        self.counts = dict.fromkeys(DeadCause, 0)
        self.rows = self.kept = 0
        self._gap_ns = gap_ns
        self._past: dict[str, _Past] = {}

    def check(self, symbol: str, columns: Columns, *, row_ids: NDArray[np.int64] | None = None) -> Checked:
        """The next rows of a symbol, in the order in which they came.

        Args:
            columns: ``contracts.market.TRADE_COLUMNS`` by name, equally long. Others are passed
                on beside them.
            row_ids: The source's own ids, consecutive and increasing, where it has them. Only by its id is a
                repeated row told from two equal trades.

        Returns:
            The good rows (the same arrays where all are good) and the problems in the order of the rows.
        """
        past = self._past.setdefault(symbol, _Past())
        count = len(columns["price"])
        if count == 0:
            return Checked(columns, [])
        skipped = self._skipped(row_ids, past, count)
        if not skipped.any() and self._is_clean(columns, past):
            checked = Checked(columns, [])
        else:
            checked = self._sort(symbol, columns, skipped, past)
        kept = len(checked.columns["price"])
        self.rows += count
        self.kept += kept
        past.offered += count
        if kept:
            past.last_ts_ns = int(checked.columns["ts_event_ns"][-1])
        return checked

    def _skipped(self, row_ids: NDArray[np.int64] | None, past: _Past, count: int) -> NDArray[np.int64]:
        """How many ids are missing before each row; ``REPEATED`` where its id was seen before."""
        if row_ids is None:
            return np.zeros(count, dtype=np.int64)
        last = int(row_ids[0]) - 1 if past.last_id is None else past.last_id
        seen = np.maximum.accumulate(np.concatenate((np.array([last], dtype=np.int64), row_ids)))
        past.last_id = int(seen[-1])
        return np.where(row_ids <= seen[:-1], REPEATED, row_ids - seen[:-1] - 1)

    def _is_clean(self, columns: Columns, past: _Past) -> bool:
        times, price, size, side = (columns[name] for name in Row._fields)
        steps = np.diff(times, prepend=max(past.last_ts_ns, 0))
        first_is_fine = past.last_ts_ns < 0 or steps[0] <= self._gap_ns
        # min and max of a NaN are NaN, and comparisons with it are false.
        return bool(
            price.min() > 0.0
            and price.max() <= PRICE_MAX
            and size.min() >= 0.0
            and size.max() <= SIZE_MAX
            and side.min() >= -1
            and side.max() <= 1
            and steps.min() >= 0
            and first_is_fine
            and (len(steps) == 1 or steps[1:].max() <= self._gap_ns)
        )

    def _sort(self, symbol: str, columns: Columns, skipped: NDArray[np.int64], past: _Past) -> Checked:
        fresh = np.flatnonzero(skipped != REPEATED)
        codes = np.zeros(len(skipped), dtype=np.int8)
        judged = {name: columns[name][fresh] for name in Row._fields}
        codes[fresh] = judge(judged, max(past.last_ts_ns, 0))
        good = (skipped != REPEATED) & (codes == 0)
        # What each row is compared with: the time of the last good row before it, -1 where there is none.
        times: NDArray[np.int64] = columns["ts_event_ns"].astype(np.int64, copy=False)
        before = np.maximum.accumulate(np.concatenate(([past.last_ts_ns], np.where(good, times, -1))))[:-1]
        silent = good & (before >= 0) & (times - before > self._gap_ns)
        problems: list[Problem] = []
        for index in np.flatnonzero((skipped != 0) | (codes != 0) | silent).tolist():
            row = row_at(columns, index)
            silence = row.ts_event_ns - int(before[index]) if silent[index] else 0
            for cause, detail in self._findings(row, int(skipped[index]), int(codes[index]), silence):
                self.counts[cause] += 1
                problems.append(
                    Problem(cause=cause, symbol=symbol, index=past.offered + index, row=row, detail=detail)
                )
        kept = columns if good.all() else {name: column[good] for name, column in columns.items()}
        return Checked(kept, problems)

    def _findings(self, row: Row, skipped: int, code: int, silence_ns: int) -> list[tuple[DeadCause, str]]:
        if skipped == REPEATED:
            return [(DeadCause.DUPLICATE, "the row's id was seen before, expected a new one")]
        found = []
        if skipped:
            found.append((DeadCause.GAP, f"{skipped} ids are missing before the row, expected none"))
        if code:
            found.append((RULES[code - 1], describe(RULES[code - 1], row)))
        if silence_ns:
            found.append(
                (
                    DeadCause.GAP,
                    f"{silence_ns} ns without a trade before the row, expected at most {self._gap_ns}",
                )
            )
        return found
