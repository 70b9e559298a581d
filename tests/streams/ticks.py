"""Trades for tests of what reads them: random walks as columns, cut into batches."""

from itertools import pairwise

import numpy as np

from contracts.columns import pack
from contracts.market import TRADE_COLUMNS, TickBatch

SECOND_NS = 1_000_000_000
START_NS = 1_378_073_000 * SECOND_NS


def walk(count, *, seed=1, tick=0.25, price=1640.0, aggressor=(0,), pause_ns=5_000_000):
    """A random walk of trades as columns, with times that often repeat."""
    random = np.random.default_rng(seed)
    steps = tick * random.choice([-2, -1, 0, 0, 0, 0, 1, 2], count)
    return {
        "ts_event_ns": START_NS + np.cumsum(pause_ns * random.choice([0, 0, 1, 7], count)),
        "price": price + np.cumsum(steps),
        "size": random.integers(1, 30, count).astype(np.float64),
        "aggressor": random.choice(np.array(aggressor, dtype=np.int8), count),
    }


def trades(rows):
    """Columns of (ts_event_ns, price, size, aggressor) rows."""
    kinds = (np.int64, np.float64, np.float64, np.int8)
    names = ("ts_event_ns", "price", "size", "aggressor")
    values = list(zip(*rows, strict=True)) if rows else [()] * 4
    return {
        name: np.array(column, dtype=kind) for name, kind, column in zip(names, kinds, values, strict=True)
    }


def batch(columns, first_seq=1, *, source="test", venue="CME", symbol="ES"):
    return TickBatch(
        source=source,
        venue=venue,
        symbol=symbol,
        kind="trade",
        first_seq=first_seq,
        count=len(columns["price"]),
        ts_recv_ns=0,
        columns=pack(TRADE_COLUMNS, columns),
    )


def batches(columns, cuts=(), *, first_seq=1, **names):
    """The columns as batches that end at each of ``cuts``, and at every 4,096 rows."""
    count = len(columns["price"])
    ends = sorted({cut for cut in cuts if 0 < cut < count} | set(range(0, count, 4_096)) | {count})
    return [
        batch({name: column[start:stop] for name, column in columns.items()}, first_seq + start, **names)
        for start, stop in pairwise(ends)
    ]
