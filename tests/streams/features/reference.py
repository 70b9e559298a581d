"""Each feature as its definition says it, in plain Python: every value anew from all the trades so far.

Slow on purpose: a window is summed again for each row, with ``math.fsum``, and nothing is carried over.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple


class Trade(NamedTuple):
    ts_event_ns: int
    price: float
    size: float
    aggressor: int


Reference = Callable[[Sequence[Trade]], "list[float | None]"]
"""Values by trade; None while the feature has not seen enough."""


def log_return(trades: Sequence[Trade]) -> list[float | None]:
    return [None, *changes(trades)]


def ewma_volatility(trades: Sequence[Trade]) -> list[float | None]:
    squares = [change * change for change in changes(trades)]
    values: list[float | None] = [None] * min(64, len(trades))
    for row in range(64, len(trades)):
        variance = fmean(squares[:64])
        for square in squares[64:row]:
            variance = 0.98 * variance + 0.02 * square
        values.append(math.sqrt(variance))
    return values


def rsi(trades: Sequence[Trade]) -> list[float | None]:
    moves = [later.price - earlier.price for earlier, later in pairwise(trades)]
    gains, losses = [max(move, 0.0) for move in moves], [max(-move, 0.0) for move in moves]
    values: list[float | None] = [None] * min(64, len(trades))
    for row in range(64, len(trades)):
        gain, loss = smoothed(gains[:row]), smoothed(losses[:row])
        values.append(100.0 - 100.0 / (1.0 + gain / loss) if loss else (100.0 if gain else 50.0))
    return values


def smoothed(moves: Sequence[float]) -> float:
    average = fmean(moves[:64])
    for move in moves[64:]:
        average = (average * 63 + move) / 64
    return average


def vwap(trades: Sequence[Trade]) -> list[float | None]:
    def value(window: Sequence[Trade]) -> float:
        volume = math.fsum(trade.size for trade in window)
        amount = math.fsum(trade.price * trade.size for trade in window)
        return amount / volume if volume else window[-1].price

    return rolling(trades, 512, value)


def zscore(trades: Sequence[Trade]) -> list[float | None]:
    def value(window: Sequence[Trade]) -> float:
        # A shift changes no z-score, and the difference of two near floats is exact.
        prices = [trade.price - window[0].price for trade in window]
        mean = math.fsum(prices) / len(prices)
        deviation = math.sqrt(math.fsum((price - mean) ** 2 for price in prices) / len(prices))
        return (prices[-1] - mean) / deviation if min(prices) < max(prices) else 0.0

    return rolling(trades, 256, value)


def trade_imbalance(trades: Sequence[Trade]) -> list[float | None]:
    signs = [sign(trades, row) for row in range(len(trades))]
    values: list[float | None] = [None] * min(255, len(trades))
    for row in range(255, len(trades)):
        window = range(row - 255, row + 1)
        volume = math.fsum(trades[index].size for index in window)
        net = math.fsum(signs[index] * trades[index].size for index in window)
        values.append(net / volume if volume else 0.0)
    return values


def sign(trades: Sequence[Trade], row: int) -> int:
    """The aggressor where known, else the direction of the last change of price up to ``row``."""
    if trades[row].aggressor:
        return trades[row].aggressor
    for index in range(row, 0, -1):
        if trades[index].price != trades[index - 1].price:
            return 1 if trades[index].price > trades[index - 1].price else -1
    return 0


def changes(trades: Sequence[Trade]) -> list[float]:
    return [math.log1p((later.price - earlier.price) / earlier.price) for earlier, later in pairwise(trades)]


def rolling(
    trades: Sequence[Trade], size: int, value: Callable[[Sequence[Trade]], float]
) -> list[float | None]:
    return [
        value(trades[row + 1 - size : row + 1]) if row + 1 >= size else None for row in range(len(trades))
    ]


REFERENCES: dict[str, Reference] = {
    "ewma_volatility": ewma_volatility,
    "log_return": log_return,
    "rsi": rsi,
    "trade_imbalance": trade_imbalance,
    "vwap": vwap,
    "zscore": zscore,
}
