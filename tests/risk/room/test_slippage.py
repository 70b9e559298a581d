"""The range of slippages is exactly what the gate's own distance allows."""

from hypothesis import given
from hypothesis import strategies as st

from risk.gate.amounts import collar_distance_bps
from risk.room.slippage import slippage_range

marks = st.integers(1, 10**15)


@given(marks, st.floats(0.9, 1.1), st.integers(0, 300), st.integers(0, 300), st.booleans())
def test_a_slippage_is_in_the_range_exactly_if_the_gate_lets_it_pass(mark, off, collar, most, is_buy):
    reference = max(1, int(mark * off))
    found = slippage_range(mark, reference, collar, most, is_buy=is_buy)
    allowed = {
        bps for bps in range(most + 1) if collar_distance_bps(mark, bps, reference, is_buy=is_buy) <= collar
    }
    assert set(range(found.least, found.most + 1)) == allowed


def test_a_mark_that_left_the_collar_comes_back_by_slippage_in_the_right_direction():
    """1 % below a collar of 0.5 %: 9,900 * 1.0051 is the first price within it again."""
    assert slippage_range(9_900, 10_000, 50, 60, is_buy=True) == (51, 60)
    least, most = slippage_range(9_900, 10_000, 50, 60, is_buy=False)
    assert least > most
