"""Rolling sums that never subtract, so that nothing drifts.

A window of the last W rows is the tail of one block of W rows and the head of the next. The
head is summed as rows come; the tail sums of a block are computed once, when it is complete.
A window's sum is one of each: an error cannot outlive its row, a huge value leaves nothing
behind, and the work is three additions a row (a queue of two stacks, laid out in one array).

A kernel keeps the position in the block and the head sum in local variables, and ``W + 1`` numbers of state:
the values of this block before the position, from there on the tail sums of the block before, and a zero.

    head += value
    rolling = slide(tails, position, head, value)
    position += 1
    if position == W:
        close(tails)
        position, head = 0, 0.0
"""

from streams.kernels import Floats, inlined


@inlined
def slide(tails: Floats, position: int, head: float, value: float) -> float:
    """Keep ``value``, and return the sum of the window that ends with it; ``head`` holds it already."""
    rolling: float = head + tails[position + 1]
    tails[position] = value
    return rolling


@inlined
def close(tails: Floats) -> None:
    """Turn the values of a complete block into its tail sums."""
    total = 0.0
    for index in range(len(tails) - 2, -1, -1):
        total += tails[index]
        tails[index] = total
