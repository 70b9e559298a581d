"""Exponentially weighted volatility of log returns."""

import math

from streams.features.feature import Feature, Trades
from streams.features.returns import log_return
from streams.kernels import Floats, inlined

DECAY = 0.98
SEED_ROWS = 64
FLOOR = 1e-200
"""A variance below it is 0: a long flat stretch must not sink into denormal, slow arithmetic."""


@inlined
def update(state: Floats, trades: Trades, out: Floats) -> None:
    last, variance, returns = state[0], state[1], state[2]
    for row in range(len(trades.price)):
        if last > 0.0:
            change = log_return(trades.price[row], last)
            if returns < SEED_ROWS:
                returns += 1.0
                variance += (change * change - variance) / returns
            else:
                variance = DECAY * variance + (1.0 - DECAY) * (change * change)
                variance = variance if variance >= FLOOR else 0.0
        out[row] = math.sqrt(variance)
        last = trades.price[row]
    state[0], state[1], state[2] = last, variance, returns


FEATURE = Feature(
    name="ewma_volatility",
    unit="standard deviation of the log return, per trade",
    formula="sqrt(v[t]), v[t] = decay * v[t-1] + (1 - decay) * r[t]^2, seeded with the mean of the first "
    "seed_rows squared returns",
    source="RiskMetrics Technical Document (1996), 4th edition, section 5.2; zero mean",
    parameters={"decay": DECAY, "seed_rows": SEED_ROWS},
    warm_up=SEED_ROWS,
    state_size=3,
    update=update,
)
