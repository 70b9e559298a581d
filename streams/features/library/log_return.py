"""Log return from trade to trade."""

from streams.features.feature import Feature, Trades
from streams.features.returns import log_return
from streams.kernels import Floats, inlined


@inlined
def update(state: Floats, trades: Trades, out: Floats) -> None:
    last = state[0] if state[0] > 0.0 else trades.price[0]
    for row in range(len(trades.price)):
        out[row] = log_return(trades.price[row], last)
        last = trades.price[row]
    state[0] = last


FEATURE = Feature(
    name="log_return",
    unit="natural logarithm of a price ratio, per trade",
    formula="ln(price[t] / price[t-1])",
    source="Campbell, Lo and MacKinlay (1997), The Econometrics of Financial Markets, section 1.4",
    parameters={},
    warm_up=1,
    state_size=1,
    update=update,
)
