"""Signed size imbalance of the last trades."""

import numpy as np

from streams.features.feature import Feature, Trades
from streams.features.windows import close, slide
from streams.kernels import Floats, inlined

WINDOW = 256


@inlined
def update(state: Floats, trades: Trades, out: Floats) -> None:
    position, net_head, volume_head, direction = int(state[0]), state[1], state[2], state[3]
    last = state[4] if state[4] > 0.0 else trades.price[0]
    nets, volumes = state[5 : 6 + WINDOW], state[6 + WINDOW :]
    for row in range(len(trades.price)):
        moved = np.sign(trades.price[row] - last)
        direction = moved if moved != 0.0 else direction
        known = float(trades.aggressor[row])
        signed = trades.size[row] * (known if known != 0.0 else direction)
        net_head += signed
        volume_head += trades.size[row]
        net = slide(nets, position, net_head, signed)
        volume = slide(volumes, position, volume_head, trades.size[row])
        out[row] = net / volume if volume > 0.0 else 0.0
        last = trades.price[row]
        position += 1
        if position == WINDOW:
            close(nets)
            close(volumes)
            position, net_head, volume_head = 0, 0.0, 0.0
    state[0], state[1], state[2], state[3], state[4] = position, net_head, volume_head, direction, last


FEATURE = Feature(
    name="trade_imbalance",
    unit="-1 (all sold) to 1 (all bought); 0 where the volume is 0",
    formula="sum(sign * size) / sum(size) over the last window trades; sign is the aggressor's where known, "
    "else that of the last change of price (tick rule; 0 before the first)",
    source="Lee and Ready (1991), Inferring Trade Direction from Intraday Data, J. Finance 46(2), section II",
    parameters={"window": WINDOW},
    warm_up=WINDOW - 1,
    state_size=5 + 2 * (WINDOW + 1),
    update=update,
)
