"""A desk: the gate's state as far as the gate's own messages tell it, for whoever asks for room.

It follows verdicts, fills, marks, sessions, breakers and the trading state. It may lag behind the
gate by what is under way, and its collar counts the marks it saw where the gate's counts those it
journaled: a headroom made from it is what a model may say, and the gate still has the last word.
"""

from contracts.gate import Fill, MarkChange, SessionChange
from contracts.limits import GateConfig
from contracts.scalars import MILLISECOND_NS
from contracts.slm import Headroom, HeldPosition
from contracts.states import BreakerChanged, BreakerState, TradingState, TradingStateChanged
from contracts.verdicts import Outcome, Verdict
from risk.book.approvals import Approval, Approvals
from risk.book.positions import Positions
from risk.gate.market import Market
from risk.room.headroom import headroom
from risk.room.standing import Standing, SymbolStanding


class Desk:
    """What one follower knows of the gate. Everything is taken in the order of its stream.

    Attributes:
        gate_ts_ns: The largest gate time seen.
    """

    def __init__(self, config: GateConfig) -> None:
        self.gate_ts_ns = 0
        self._config = config
        self._market = Market()
        self._positions = Positions()
        self._approvals = Approvals()
        self._fills: set[str] = set()
        self._verdict_seq = 0
        self._trading_state = TradingState.ACTIVE
        self._open_breakers: set[tuple[str, str]] = set()

    def take_config(self, config: GateConfig) -> None:
        """Go on by other rules."""
        self._config = config

    def take_clock(self, ts_event_ns: int) -> None:
        """Event time moved; what lapses by it lapses."""
        self.gate_ts_ns = max(self.gate_ts_ns, ts_event_ns)
        self._approvals.lapse(self.gate_ts_ns)

    def take_mark(self, mark: MarkChange) -> None:
        self.take_clock(mark.ts_event_ns)
        self._market.take_mark(mark, self._cutoff_ns())

    def take_session(self, session: SessionChange) -> None:
        self._market.sessions[session.symbol] = session

    def take_verdict(self, verdict: Verdict) -> None:
        """An approval opens. A verdict that was told before, or is journaled nowhere, changes nothing."""
        self.take_clock(verdict.gate_ts_ns)
        if verdict.gate_seq <= self._verdict_seq:
            return
        self._verdict_seq = verdict.gate_seq
        if verdict.outcome is Outcome.APPROVED and verdict.expires_ts_ns > self.gate_ts_ns:
            self._approvals.open(
                Approval(
                    verdict.principal,
                    verdict.intent_id,
                    verdict.strategy_id,
                    verdict.symbol,
                    verdict.lots,
                    verdict.expires_ts_ns,
                )
            )

    def take_fill(self, fill: Fill) -> None:
        """A position moves; a fill that is known is ignored."""
        if fill.fill_id in self._fills:
            return
        self._fills.add(fill.fill_id)
        self._positions.fill(fill.strategy_id, fill.symbol, fill.lots)
        self._approvals.fill(fill.principal, fill.intent_id, fill.strategy_id, fill.symbol, fill.lots)

    def take_trading_state(self, change: TradingStateChanged) -> None:
        self._trading_state = change.state

    def take_breaker(self, change: BreakerChanged) -> None:
        key = change.name, change.key
        if change.state is BreakerState.OPEN:
            self._open_breakers.add(key)
        else:
            self._open_breakers.discard(key)

    def headroom(self, strategy_id: str, principal: str) -> Headroom:
        """What the gate would approve of the strategy, as far as this desk knows."""
        return headroom(self._config, self.standing(strategy_id, principal))

    def standing(self, strategy_id: str, principal: str) -> Standing:
        """Where the strategy stands in every symbol that has a mark."""
        return Standing(
            strategy_id=strategy_id,
            gate_ts_ns=self.gate_ts_ns,
            trading_state=self._trading_state,
            is_stopped=("invalid_input", principal) in self._open_breakers,
            symbols={symbol: self._symbol(strategy_id, symbol) for symbol in sorted(self._market.marks)},
        )

    def positions(self, strategy_id: str) -> tuple[HeldPosition, ...]:
        """What the strategy holds or has open, in the symbols that have a mark."""
        held = (
            HeldPosition(
                symbol=symbol,
                lots=self._positions.held((strategy_id, symbol)),
                open_lots=self._approvals.net((strategy_id, symbol)),
                mark_price_micro=mark.price_micro,
            )
            for symbol, mark in sorted(self._market.marks.items())
        )
        return tuple(position for position in held if position.lots or position.open_lots)

    def _symbol(self, strategy_id: str, symbol: str) -> SymbolStanding:
        mark, mine = self._market.marks[symbol], (strategy_id, symbol)
        session = self._market.sessions.get(symbol)
        return SymbolStanding(
            mark_micro=mark.price_micro,
            mark_ts_event_ns=mark.ts_event_ns,
            reference_micro=self._market.reference_micro(symbol, self._cutoff_ns()),
            open_ns=0 if session is None else session.open_ns,
            close_ns=0 if session is None else session.close_ns,
            is_breaker_open=("stale_market", symbol) in self._open_breakers,
            mine=self._positions.held(mine) + self._approvals.net(mine),
            held=self._positions.held_in(symbol),
            open_long=self._approvals.long_in(symbol),
            open_short=self._approvals.short_in(symbol),
        )

    def _cutoff_ns(self) -> int:
        return self.gate_ts_ns - self._config.limits.collar_window_ms * MILLISECOND_NS
