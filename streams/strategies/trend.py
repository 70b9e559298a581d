"""Trend: goes with a price that has left its volume-weighted average, while trades agree.

The distance of price from VWAP is measured in standard deviations of a random walk over as many
trades as the VWAP looks back. It enters beyond ``enter`` when the signed volume leans the same
way, grows with the distance, never shrinks before it leaves, and leaves below ``leave``.
"""

import math

from msgspec import Struct

from contracts.intents import Side
from streams.strategies.strategy import FLAT, Row, Wish, direction


class Parameters(Struct, frozen=True, kw_only=True):
    """What can be tuned.

    Attributes:
        horizon_trades: The VWAP's look-back; scales volatility a trade to a distance.
        enter, leave: Distance, in deviations. ``leave < enter``, or it would flap.
        lean: Signed volume, -1 to 1, that must agree to enter.
        deviations_per_unit: Further distance that adds one unit.
        units_first, units_max: Size at entry, and at most.
        notional_unit: Account currency; about one E-mini contract at 1,650.
    """

    horizon_trades: int = 512
    enter: float = 0.35
    leave: float = 0.0
    lean: float = 0.2
    deviations_per_unit: float = 0.2
    units_first: int = 2
    units_max: int = 5
    notional_unit: float = 82_500.0
    max_slippage_bps: int = 5


class Trend:
    """The rule. See the module's text."""

    strategy_id = "trend"
    features = ("vwap", "ewma_volatility", "trade_imbalance")

    def __init__(self, parameters: Parameters | None = None) -> None:
        self._p = parameters or Parameters()
        self.notional_unit = self._p.notional_unit
        self.max_slippage_bps = self._p.max_slippage_bps

    def wish(self, row: Row, held: Wish) -> Wish:
        vwap, volatility, lean = row.values
        spread = volatility * math.sqrt(self._p.horizon_trades)
        if spread <= 0.0:
            return held
        distance = (row.price - vwap) / vwap / spread
        sign = direction(held.side)
        if sign and distance * sign <= self._p.leave:
            return Wish("flat", 0, "medium", self._reason("leaves", distance, lean))
        if not sign:
            side = self._side(distance, lean)
            if side == "flat":
                return FLAT
            return Wish(side, self._units(distance), "medium", self._reason(f"goes {side}", distance, lean))
        units = max(held.units, self._units(distance))
        return Wish(held.side, units, "low", self._reason(f"adds {held.side}", distance, lean))

    def _side(self, distance: float, lean: float) -> Side:
        if distance >= self._p.enter and lean >= self._p.lean:
            return "long"
        if distance <= -self._p.enter and lean <= -self._p.lean:
            return "short"
        return "flat"

    def _units(self, distance: float) -> int:
        beyond = max(0.0, abs(distance) - self._p.enter)
        return min(self._p.units_max, self._p.units_first + int(beyond / self._p.deviations_per_unit))

    @staticmethod
    def _reason(what: str, distance: float, lean: float) -> str:
        return f"trend {what}: price is {distance:+.2f} deviations from its VWAP, signed volume {lean:+.2f}"


RULE = Trend
