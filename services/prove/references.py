"""Plain references: each feature and bar as its definition says it, over whole arrays or lists.

Shares nothing with the kernels: windows are summed anew for every row, from centred values where that
matters, and recursions are loops.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from contracts.columns import Columns
from contracts.market import Bar

Floats = NDArray[np.float64]
ROWS_AT_ONCE = 8_192
"""Windows laid out in memory together."""


class Trades(NamedTuple):
    """Columns of all trades, oldest first."""

    price: Floats
    size: Floats
    aggressor: Floats


Reference = Callable[[Trades], Floats]
"""A value a trade; what it says during the warm-up is not looked at."""


def log_return(trades: Trades) -> Floats:
    change = np.diff(trades.price) / trades.price[:-1]
    return np.concatenate(([0.0], np.log1p(change)))


def ewma_volatility(trades: Trades) -> Floats:
    squares = (log_return(trades)[1:] ** 2).tolist()
    variances = [0.0] * 64
    variance = math.fsum(squares[:64]) / 64
    for square in [None, *squares[64:]]:
        variance = variance if square is None else 0.98 * variance + (1.0 - 0.98) * square
        variances.append(variance)
    return np.sqrt(variances[: len(trades.price)])


def rsi(trades: Trades) -> Floats:
    moves = np.diff(trades.price).tolist()
    values = [50.0] * 64
    gain = math.fsum(max(move, 0.0) for move in moves[:64]) / 64
    loss = math.fsum(max(-move, 0.0) for move in moves[:64]) / 64
    for move in [None, *moves[64:]]:
        if move is not None:
            gain = (63.0 * gain + max(move, 0.0)) / 64.0
            loss = (63.0 * loss + max(-move, 0.0)) / 64.0
        strength = gain / loss if loss else math.inf
        values.append(100.0 - 100.0 / (1.0 + strength) if gain or loss else 50.0)
    return np.array(values[: len(trades.price)])


def vwap(trades: Trades) -> Floats:
    amount, volume = _rolling(trades.price * trades.size, 512), _rolling(trades.size, 512)
    return np.where(volume > 0.0, amount / np.where(volume > 0.0, volume, 1.0), trades.price)


def trade_imbalance(trades: Trades) -> Floats:
    signs, direction, last = [], 0.0, float(trades.price[0])
    for price, aggressor in zip(trades.price.tolist(), trades.aggressor.tolist(), strict=True):
        if price != last:
            direction = math.copysign(1.0, price - last)
        last = price
        signs.append(aggressor or direction)
    net, volume = _rolling(np.array(signs) * trades.size, 256), _rolling(trades.size, 256)
    return net / np.where(volume > 0.0, volume, 1.0)


def zscore(trades: Trades) -> Floats:
    values = np.zeros(len(trades.price))
    windows = sliding_window_view(trades.price, 256)
    for start in range(0, len(windows), ROWS_AT_ONCE):
        rows = windows[start : start + ROWS_AT_ONCE]
        shifted = rows - rows[:, :1]  # exact for near prices, and no z-score changes with it
        centred = shifted - shifted.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=1))
        is_flat = shifted.min(axis=1) == shifted.max(axis=1)
        found = np.where(is_flat, 0.0, centred[:, -1] / np.where(is_flat, 1.0, deviation))
        values[start + 255 : start + 255 + len(rows)] = found
    return values


def _rolling(values: Floats, window: int) -> Floats:
    """Sums of the last ``window`` values; 0.0 before there are as many."""
    sums = np.zeros(len(values))
    sums[window - 1 :] = sliding_window_view(values, window).sum(axis=1)
    return sums


REFERENCES: dict[str, Reference] = {
    "ewma_volatility": ewma_volatility,
    "log_return": log_return,
    "rsi": rsi,
    "trade_imbalance": trade_imbalance,
    "vwap": vwap,
    "zscore": zscore,
}


def plain_bars(
    columns: Columns, seqs: NDArray[np.int64], *, source: str, interval: str, length_ns: int
) -> Iterator[Bar]:
    """The bars of whole data, each from the list of its own trades; the last interval is not over."""
    groups: dict[int, list[tuple[int, float, float]]] = {}
    lists = (columns[name].tolist() for name in ("ts_event_ns", "price", "size"))
    for seq, (ts_event_ns, price, size) in zip(seqs.tolist(), zip(*lists, strict=True), strict=True):
        groups.setdefault(ts_event_ns // length_ns, []).append((seq, price, size))
    for start, members in list(groups.items())[:-1]:
        numbers, prices, sizes = zip(*members, strict=True)
        volume = math.fsum(sizes)
        amount = math.fsum(price * size for price, size in zip(prices, sizes, strict=True))
        yield Bar(
            source=source,
            venue="SIM",
            symbol="SYNTH",
            interval=interval,
            ts_open_ns=start * length_ns,
            ts_event_ns=(start + 1) * length_ns,
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[-1],
            volume=volume,
            vwap=amount / volume if volume else prices[-1],
            trades=len(members),
            first_seq=numbers[0],
            last_seq=numbers[-1],
        )
