"""Mean reversion: goes against a price that is stretched from its mean.

It enters against a z-score beyond ``enter`` when the relative strength index is stretched the
same way, grows with the stretch, never shrinks before it leaves, and leaves when the z-score has
come back to ``leave`` or crossed the mean.
"""

from msgspec import Struct

from streams.strategies.strategy import FLAT, Row, Wish, direction


class Parameters(Struct, frozen=True, kw_only=True):
    """What can be tuned.

    Attributes:
        enter, leave: z-score, in standard deviations. ``leave < enter``, or it would flap.
        rsi_stretch: Points that the index must be away from 50, on the z-score's side.
        deviations_per_unit: Further z-score that adds one unit.
        units_first, units_max: Size at entry, and at most.
        notional_unit: Account currency; about one E-mini contract at 1,650.
    """

    enter: float = 2.5
    leave: float = 0.3
    rsi_stretch: float = 8.0
    deviations_per_unit: float = 1.0
    units_first: int = 2
    units_max: int = 4
    notional_unit: float = 82_500.0
    max_slippage_bps: int = 3


class MeanRevert:
    """The rule. See the module's text."""

    strategy_id = "mean_revert"
    features = ("zscore", "rsi")

    def __init__(self, parameters: Parameters | None = None) -> None:
        self._p = parameters or Parameters()
        self.notional_unit = self._p.notional_unit
        self.max_slippage_bps = self._p.max_slippage_bps

    def wish(self, row: Row, held: Wish) -> Wish:
        zscore, rsi = row.values
        sign = direction(held.side)
        if sign and -zscore * sign <= self._p.leave:
            return Wish("flat", 0, "medium", self._reason("leaves", zscore, rsi))
        if sign:
            units = max(held.units, self._units(zscore))
            return Wish(held.side, units, "low", self._reason(f"adds {held.side}", zscore, rsi))
        if zscore >= self._p.enter and rsi - 50.0 >= self._p.rsi_stretch:
            return Wish("short", self._units(zscore), "low", self._reason("goes short", zscore, rsi))
        if zscore <= -self._p.enter and 50.0 - rsi >= self._p.rsi_stretch:
            return Wish("long", self._units(zscore), "low", self._reason("goes long", zscore, rsi))
        return FLAT

    def _units(self, zscore: float) -> int:
        beyond = max(0.0, abs(zscore) - self._p.enter)
        return min(self._p.units_max, self._p.units_first + int(beyond / self._p.deviations_per_unit))

    @staticmethod
    def _reason(what: str, zscore: float, rsi: float) -> str:
        return f"mean_revert {what}: z-score {zscore:+.2f}, relative strength {rsi:.1f}"


RULE = MeanRevert
