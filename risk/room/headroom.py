"""Headroom: every move of one strategy that the gate would approve now, as ladders of sizes.

It assumes what the stamp of an intent provides and no model can say: an identity and a basis row
that are new, and a basis within its age. Everything else that the gate checks is computed here,
with the gate's functions.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from contracts.instruments import Instrument
from contracts.intents import Side
from contracts.limits import GateConfig, StrategyCard, SymbolLimits
from contracts.scalars import INT64_MAX, MILLISECOND_NS
from contracts.slm import LADDERS_MAX, RUNGS_MAX, Headroom, Ladder, Rung
from contracts.states import TradingState
from risk.gate.amounts import lot_worth, lots_within, to_micro
from risk.gate.snapshot import digest_of_config
from risk.room.sizes import sayable_choice, target_of
from risk.room.slippage import SlippageRange, slippage_range
from risk.room.standing import Standing, SymbolStanding


class Run(NamedTuple):
    """Targets in lots, signed, from ``first`` to ``last``; empty where ``first > last``."""

    first: int
    last: int

    def within(self, first: int, last: int) -> "Run":
        """The part of it that also lies there."""
        return Run(max(self.first, first), min(self.last, last))


def headroom(config: GateConfig, standing: Standing) -> Headroom:
    """What the gate, so configured, would approve of the strategy where it stands.

    Every rung of it would be approved, at every slippage of its ladder. What it leaves out would
    be denied, but for sizes strictly between two rungs of a ladder that had to choose.
    """
    card = next((card for card in config.cards if card.strategy_id == standing.strategy_id), None)
    ladders: list[Ladder] = []
    if card is not None and _lets_through(config, standing):
        for symbol in sorted(standing.symbols):
            ladders += _ladders(config, card, standing, symbol)
    return Headroom(
        strategy_id=standing.strategy_id,
        ts_event_ns=standing.gate_ts_ns,
        limits_hash=digest_of_config(config),
        ladders=tuple(ladders[:LADDERS_MAX]),
    )


def _lets_through(config: GateConfig, standing: Standing) -> bool:
    lapses_ns = standing.gate_ts_ns + config.limits.approval_ttl_ms * MILLISECOND_NS
    is_halted = standing.trading_state is TradingState.HALTED
    return not standing.is_stopped and not is_halted and lapses_ns <= INT64_MAX


def _ladders(config: GateConfig, card: StrategyCard, standing: Standing, symbol: str) -> list[Ladder]:
    stands = standing.symbols[symbol]
    limits = config.limits.per_symbol.get(symbol)
    instrument = next((each for each in config.instruments if each.symbol == symbol), None)
    if limits is None or instrument is None or not _may_trade(config, card, instrument):
        return []
    if not _has_market(config, stands, standing.gate_ts_ns):
        return []
    room = _Room(card, instrument, limits, stands, standing.trading_state)
    return [ladder for action in ("buy", "sell") for ladder in room.ladders(action)]


def _may_trade(config: GateConfig, card: StrategyCard, instrument: Instrument) -> bool:
    symbol = instrument.symbol
    return (
        symbol in card.instruments
        and instrument.currency == config.limits.account_currency
        and symbol not in config.limits.restricted
    )


def _has_market(config: GateConfig, stands: SymbolStanding, gate_ts_ns: int) -> bool:
    age_ns = gate_ts_ns - stands.mark_ts_event_ns
    return (
        stands.mark_micro > 0
        and age_ns <= config.limits.mark_age_ms_max * MILLISECOND_NS
        and stands.open_ns <= gate_ts_ns < stands.close_ns
        and not stands.is_breaker_open
    )


class _Room:
    """One strategy's room in one symbol that it may trade."""

    def __init__(
        self,
        card: StrategyCard,
        instrument: Instrument,
        limits: SymbolLimits,
        stands: SymbolStanding,
        trading_state: TradingState,
    ) -> None:
        self._symbol, self._limits, self._stands = instrument.symbol, limits, stands
        self._worth = lot_worth(to_micro(instrument.multiplier), to_micro(instrument.lot_size))
        self._target_micro_max = to_micro(card.target_notional_max)
        self._is_reducing = trading_state is TradingState.REDUCING

    def ladders(self, action: Literal["buy", "sell"]) -> Iterator[Ladder]:
        """The ladders that this kind of order climbs; one side at most each."""
        slippage = self._slippage(action)
        if slippage.least > slippage.most:
            return
        moves, size_max = self._moves(action), self._lots_of(self._target_micro_max)
        sides: tuple[tuple[Side, Run], ...] = (
            ("long", moves.within(1, size_max)),
            ("flat", moves.within(0, 0)),
            ("short", moves.within(-size_max, -1)),
        )
        for side, run in sides:
            rungs = self._rungs(side, run)
            if rungs:
                yield Ladder(
                    symbol=self._symbol,
                    side=side,
                    action=action,
                    slippage_bps_min=slippage.least,
                    slippage_bps_max=slippage.most,
                    rungs=rungs,
                )

    def _slippage(self, action: Literal["buy", "sell"]) -> SlippageRange:
        return slippage_range(
            self._stands.mark_micro,
            self._stands.reference_micro,
            self._limits.collar_bps,
            self._limits.slippage_bps_max,
            is_buy=action == "buy",
        )

    def _moves(self, action: Literal["buy", "sell"]) -> Run:
        """The targets that the order and position limits leave, and REDUCING where it holds."""
        mine, held = self._stands.mine, self._stands.held
        is_buy = action == "buy"
        already = max(held if is_buy else -held, 0)
        already += self._stands.open_long if is_buy else self._stands.open_short
        order_max = self._lots_of(to_micro(self._limits.order_notional_max))
        position_max = self._lots_of(to_micro(self._limits.position_notional_max))
        most = min(order_max, position_max - already)
        moves = Run(mine + 1, mine + most) if is_buy else Run(mine - most, mine - 1)
        return moves.within(min(mine, 0), max(mine, 0)) if self._is_reducing else moves

    def _lots_of(self, money_micro: int) -> int:
        # At most what the gate can count: beyond it is AMOUNT_OVERFLOW, whatever the limit.
        return min(lots_within(money_micro, self._stands.mark_micro, self._worth), INT64_MAX)

    def _rungs(self, side: Side, run: Run) -> tuple[Rung, ...]:
        if run.first > run.last:
            return ()
        if side == "flat":
            return (Rung(0.0, 0),)
        mark_micro, worth = self._stands.mark_micro, self._worth
        smallest, largest = sorted((abs(run.first), abs(run.last)))
        sizes = sayable_choice(smallest, largest, RUNGS_MAX, mark_micro, worth)
        targets = ((target_of(size, mark_micro, worth, self._target_micro_max), size) for size in sizes)
        return tuple(Rung(target, size) for target, size in targets if target is not None)
