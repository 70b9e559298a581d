"""Volume-weighted average price of the last trades.

A rolling window rather than the day so far: it needs no session, and a stream that is joined in
the middle gives the same values after the warm-up.
"""

from streams.features.feature import Feature, Trades
from streams.features.windows import close, slide
from streams.kernels import Floats, inlined

WINDOW = 512


@inlined
def update(state: Floats, trades: Trades, out: Floats) -> None:
    position, amount_head, volume_head = int(state[0]), state[1], state[2]
    amounts, volumes = state[3 : 4 + WINDOW], state[4 + WINDOW :]
    for row in range(len(trades.price)):
        amount_head += trades.price[row] * trades.size[row]
        volume_head += trades.size[row]
        amount = slide(amounts, position, amount_head, trades.price[row] * trades.size[row])
        volume = slide(volumes, position, volume_head, trades.size[row])
        out[row] = amount / volume if volume > 0.0 else trades.price[row]
        position += 1
        if position == WINDOW:
            close(amounts)
            close(volumes)
            position, amount_head, volume_head = 0, 0.0, 0.0
    state[0], state[1], state[2] = position, amount_head, volume_head


FEATURE = Feature(
    name="vwap",
    unit="price of the instrument",
    formula="sum(price * size) / sum(size) over the last window trades; the price where their volume is 0",
    source="Berkowitz, Logue and Noser (1988), The Total Cost of Transactions on the NYSE, J. Finance 43(1)",
    parameters={"window": WINDOW},
    warm_up=WINDOW - 1,
    state_size=3 + 2 * (WINDOW + 1),
    update=update,
)
