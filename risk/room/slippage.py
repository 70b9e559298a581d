"""Slippage: which values of ``max_slippage_bps`` the collar and the limit leave to an order."""

from typing import NamedTuple

from risk.gate.amounts import BPS


class SlippageRange(NamedTuple):
    """Basis points, both ends included; empty where ``least > most``."""

    least: int
    most: int


def slippage_range(
    mark_micro: int, reference_micro: int, collar_bps: int, slippage_bps_max: int, *, is_buy: bool
) -> SlippageRange:
    """The slippages at which the worst price lies within the collar. Mark and reference are above 0.

    The distance rounded up is within the collar exactly if the distance itself is, so the worst
    price, ``mark * (10,000 ± slippage)``, must lie between ``reference * (10,000 ± collar)``.
    A mark that has itself left the collar comes back into it by slippage in the right direction.
    """
    lowest = -(-reference_micro * (BPS - collar_bps) // mark_micro)
    highest = reference_micro * (BPS + collar_bps) // mark_micro
    least, most = (lowest - BPS, highest - BPS) if is_buy else (BPS - highest, BPS - lowest)
    return SlippageRange(max(least, 0), min(most, slippage_bps_max))
