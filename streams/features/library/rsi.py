"""Relative strength index with Wilder's smoothing."""

from streams.features.feature import Feature, Trades
from streams.kernels import Floats, inlined

PERIOD = 64
FLOOR = 1e-200
"""Average moves that sum to less count as none: no denormal, slow arithmetic on a flat stretch."""


@inlined
def update(state: Floats, trades: Trades, out: Floats) -> None:
    last, gain, loss, changes = state[0], state[1], state[2], state[3]
    for row in range(len(trades.price)):
        if last > 0.0:
            change = trades.price[row] - last
            up = max(change, 0.0)
            down = max(-change, 0.0)
            if changes < PERIOD:
                changes += 1.0
                gain += (up - gain) / changes
                loss += (down - loss) / changes
            else:
                gain += (up - gain) * (1.0 / PERIOD)
                loss += (down - loss) * (1.0 / PERIOD)
                if gain + loss < FLOOR:
                    gain = loss = 0.0
        moved = gain + loss
        out[row] = 100.0 * gain / moved if moved > 0.0 else 50.0
        last = trades.price[row]
    state[0], state[1], state[2], state[3] = last, gain, loss, changes


FEATURE = Feature(
    name="rsi",
    unit="0 to 100; 50 where nothing moved",
    formula="100 * g / (g + l), g and l the averages of gains and losses a trade: the mean of the first "
    "period, then g[t] = g[t-1] + (gain[t] - g[t-1]) / period",
    source="Wilder (1978), New Concepts in Technical Trading Systems, section VI",
    parameters={"period": PERIOD},
    warm_up=PERIOD,
    state_size=4,
    update=update,
)
