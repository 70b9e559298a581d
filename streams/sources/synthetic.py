"""A seeded generator of trades in a made-up instrument. Nobody's market: named as such.

Trades come as a Poisson process; the price walks on the tick grid. Everything follows from the
seed: numpy's PCG64, always drawn in stretches of the same length.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.scalars import SECOND_NS
from streams.sources.ticks import Ticks, empty_columns

SYNTH_SYMBOL, SYNTH_VENUE = "SYNTH", "SIM"
TICK = 0.01
STRETCH = 4_096
"""Rows drawn at a time. Part of the generator's definition: another length, another path."""

SIZE_MAX = 10


class SyntheticOptions(Struct, frozen=True, kw_only=True):
    """What is generated.

    Attributes:
        start_ns: Event time before the first trade.
        to_ns: Only trades with ``ts_event_ns < to_ns``; None goes on for ever.
        rate_per_s: Mean trades a second of event time.
        price_first: A whole number of ticks of 0.01.
    """

    seed: int
    start_ns: int
    to_ns: int | None = None
    rate_per_s: float = 10.0
    price_first: float = 100.0


class Synthetic:
    """The generator as a source: the same options give the same trades, every time."""

    name = "synth"
    venue, symbol = SYNTH_VENUE, SYNTH_SYMBOL

    def __init__(self, options: SyntheticOptions) -> None:
        self._options = options

    @property
    def is_endless(self) -> bool:
        return self._options.to_ns is None

    def batches(self) -> Iterator[Ticks]:
        options = self._options
        random = np.random.Generator(np.random.PCG64(options.seed))
        mean_gap_ns = SECOND_NS / options.rate_per_s
        last_ns, price = options.start_ns, round(options.price_first / TICK)
        first_row = 1
        while options.to_ns is None or last_ns < options.to_ns:
            gaps = np.maximum(random.exponential(mean_gap_ns, STRETCH).astype(np.int64), 1)
            steps = random.integers(-1, 2, STRETCH)
            sides = random.integers(0, 2, STRETCH) * 2 - 1
            columns = empty_columns(STRETCH)
            columns["ts_event_ns"] = last_ns + np.cumsum(gaps)
            ticks = _walk(price, steps)
            columns["price"] = np.round(ticks * TICK, 2)
            columns["size"] = random.integers(1, SIZE_MAX + 1, STRETCH).astype(np.float64)
            columns["aggressor"] = np.where(steps == 0, sides, np.sign(steps)).astype(np.int8)
            last_ns, price = int(columns["ts_event_ns"][-1]), int(ticks[-1])
            made = Ticks(venue=SYNTH_VENUE, symbol=SYNTH_SYMBOL, columns=columns, first_row=first_row)
            first_row += STRETCH
            if options.to_ns is not None and last_ns >= options.to_ns:
                made = made.where(made.times_ns < options.to_ns)
            if made.count:
                yield made


def _walk(start: int, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """The path in ticks, reflected at one tick so that a price stays above zero."""
    free = start + np.cumsum(steps)
    return np.abs(free - 1) + 1
