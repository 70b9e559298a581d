"""Distance of the price from its rolling mean, in rolling standard deviations.

Both sums are taken of ``price - anchor``, and the anchor is a price inside the window (the last
of the block before, or of the window itself when they coincide). The mean is then within the
window's range of it, and a window of W prices with range R has a variance of at least
``R^2 / (2 W)``, so the subtraction in the variance loses at most a factor of ``2 W``: about
three of sixteen digits, at any price level. Nothing is ever subtracted from a sum: see
``streams.features.windows`` for the layout, which here holds two sums and moves its anchor when
a block is complete.
"""

import math

from streams.features.feature import Feature, Trades
from streams.kernels import Floats, inlined

WINDOW = 256


@inlined
def update(state: Floats, trades: Trades, out: Floats) -> None:
    # state: position, anchor, head sum, head sum of squares, rows so far; prices and tail sums; tail squares
    position, anchor, first, second, rows = int(state[0]), state[1], state[2], state[3], state[4]
    tail_first, tail_second = state[5 : 6 + WINDOW], state[6 + WINDOW :]
    for row in range(len(trades.price)):
        if rows == 0.0:
            anchor = trades.price[row]
        if rows < WINDOW:
            rows += 1.0
        shifted = trades.price[row] - anchor
        first += shifted
        second += shifted * shifted
        tail_first[position] = trades.price[row]
        position += 1
        sum_first, sum_second = first + tail_first[position], second + tail_second[position]
        if position == WINDOW:
            position, anchor, first, second = 0, trades.price[row], 0.0, 0.0
            shifted, sum_first, sum_second = 0.0, 0.0, 0.0
            for index in range(WINDOW - 1, -1, -1):
                distance = tail_first[index] - anchor
                sum_first += distance
                sum_second += distance * distance
                tail_first[index] = sum_first
                tail_second[index] = sum_second
        mean = sum_first / rows
        variance = sum_second / rows - mean * mean
        out[row] = (shifted - mean) / math.sqrt(variance) if variance > 0.0 else 0.0
    state[0], state[1], state[2], state[3], state[4] = position, anchor, first, second, rows


FEATURE = Feature(
    name="zscore",
    unit="standard deviations (population); 0 where the window is flat",
    formula="(price - mean) / deviation over the last window trades, this one included",
    source="Chan, Golub and LeVeque (1983), Algorithms for Computing the Sample Variance, The American "
    "Statistician 37(3): shifted data",
    parameters={"window": WINDOW},
    warm_up=WINDOW - 1,
    state_size=5 + 2 * (WINDOW + 1),
    update=update,
)
