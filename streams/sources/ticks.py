"""Sources of ticks: what every one of them gives."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.columns import Columns
from contracts.market import TRADE_COLUMNS

CHUNK_ROWS = 16_384
"""Rows that a source hands over at a time: what it keeps in memory, and no more."""


class Ticks(Struct, frozen=True, kw_only=True):
    """A stretch of one symbol's trades as they came: in the source's order, not yet judged.

    Attributes:
        columns: Arrays of equal length with the names and types of ``TRADE_COLUMNS``.
        ids: The venue's own numbers, int64, where the source has them.
        first_row: Place of the first row in its source, from 1, for messages about it.
    """

    venue: str
    symbol: str
    columns: Columns
    ids: NDArray[np.int64] | None = None
    first_row: int = 1

    @property
    def count(self) -> int:
        return len(self.columns["ts_event_ns"])

    @property
    def times_ns(self) -> NDArray[np.int64]:
        return self.columns["ts_event_ns"].astype(np.int64, copy=False)

    def where(self, keep: NDArray[np.bool_]) -> "Ticks":
        """The rows whose flag is set. ``first_row`` stays that of the stretch."""
        return Ticks(
            venue=self.venue,
            symbol=self.symbol,
            columns={name: column[keep] for name, column in self.columns.items()},
            ids=None if self.ids is None else self.ids[keep],
            first_row=self.first_row,
        )


class Source(Protocol):
    """One symbol's ticks from one origin. A feed merges several.

    Attributes:
        name: Lower case; part of the feed's source name.
        is_endless: It would go on for ever, so a feed ends when its other sources have ended.
    """

    @property
    def name(self) -> str: ...
    @property
    def is_endless(self) -> bool: ...

    def batches(self) -> Iterator[Ticks]:
        """The ticks from the beginning, in stretches; each call starts anew.

        Raises:
            SourceInvalid: the origin holds something that cannot be read as a tick.
        """
        ...


def sliced(ticks: Iterator[Ticks], from_ns: int | None, to_ns: int | None) -> Iterator[Ticks]:
    """The rows with ``from_ns <= ts_event_ns < to_ns``; None leaves that side open.

    Reading stops at the first stretch that lies wholly at or after ``to_ns``.
    """
    for stretch in ticks:
        times = stretch.times_ns
        low, high = int(times.min()), int(times.max())
        if to_ns is not None and low >= to_ns:
            return
        if (from_ns is None or low >= from_ns) and (to_ns is None or high < to_ns):
            yield stretch
            continue
        keep = np.ones(len(times), dtype=np.bool_)
        if from_ns is not None:
            keep &= times >= from_ns
        if to_ns is not None:
            keep &= times < to_ns
        if keep.any():
            yield stretch.where(keep)


def empty_columns(count: int) -> Columns:
    """Trade columns of ``count`` zeros."""
    return {name: np.zeros(count, dtype=code) for name, code in TRADE_COLUMNS}
