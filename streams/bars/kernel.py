"""The kernel that folds trades into bars.

A bar in the making, and a closed one, is ``WIDTH`` numbers of 8 bytes: float64 open, high, low,
close, volume, amount (the sum of price times size), and then, as int64 in the same array, the
interval's start, the number of trades, the first and the last sequence.
"""

import numpy as np

from streams.kernels import FLOATS, INT, PACKED, TRADE_BYTES, Floats, Packed, kernel

OPEN, HIGH, LOW, CLOSE, VOLUME, AMOUNT, MARKS = range(7)
START, TRADES, FIRST_SEQ, LAST_SEQ = range(4)
WIDTH = MARKS + 4


@kernel(INT(PACKED, INT, INT, FLOATS, FLOATS))
def fold(packed: Packed, first_seq: int, interval_ns: int, making: Floats, closed: Floats) -> int:
    """Fold n trades, checked and in order, into the bar in the making; return how many bars they closed.

    Args:
        packed: Columns of a trade batch.
        making: The bar in the making, ``WIDTH`` numbers; 0 trades where there is none. Changed in place.
        closed: Takes the closed bars, one after another; at least ``n * WIDTH`` numbers.
    """
    count = packed.size // TRADE_BYTES
    times = packed[: 8 * count].view(np.int64)
    prices = packed[8 * count : 16 * count].view(np.float64)
    sizes = packed[16 * count : 24 * count].view(np.float64)
    marks = making[MARKS:].view(np.int64)
    bars = 0
    for row in range(count):
        price, size = prices[row], sizes[row]
        if marks[TRADES] > 0 and times[row] - marks[START] >= interval_ns:
            closed[bars * WIDTH : (bars + 1) * WIDTH] = making
            bars += 1
            marks[TRADES] = 0
        if marks[TRADES] == 0:
            marks[START] = times[row] - times[row] % interval_ns
            marks[FIRST_SEQ] = first_seq + row
            making[OPEN] = making[HIGH] = making[LOW] = price
            making[VOLUME] = making[AMOUNT] = 0.0
        making[HIGH] = max(making[HIGH], price)
        making[LOW] = min(making[LOW], price)
        making[CLOSE] = price
        making[VOLUME] += size
        making[AMOUNT] += price * size
        marks[TRADES] += 1
        marks[LAST_SEQ] = first_seq + row
    return bars
