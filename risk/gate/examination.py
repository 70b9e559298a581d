"""The examination of one intent: every check, in the order of the README's table."""

from contracts.gate import GateRecord, MarkChange
from contracts.intents import Intent
from contracts.scalars import INT64_MAX
from contracts.states import TradingState
from contracts.subjects import Proposed
from contracts.verdicts import Check
from risk.book.digests import digest_of
from risk.gate.amounts import collar_distance_bps, lots_within, money_of, to_micro
from risk.gate.checks import INPUT, MARK, STANDING
from risk.gate.rules import Bounds, Rules
from risk.gate.state import GateState

# Looked up once: in this Python an enum member costs a call.
_REDUCING, _HALTED = TradingState.REDUCING, TradingState.HALTED


class Examination:
    """One intent before the gate. ``passes`` runs it, once.

    Attributes:
        checks: The comparisons made so far.
        lots: The change that would be approved, signed.
        target_lots: What the strategy would then hold, signed.
        expires_ts_ns: When the approval would lapse.
    """

    __slots__ = (
        "_bounds",
        "_intent",
        "_mark",
        "_monies",
        "_record",
        "_rules",
        "_state",
        "_target_micro",
        "checks",
        "expires_ts_ns",
        "lots",
        "target_lots",
    )

    def __init__(self, state: GateState, rules: Rules, record: GateRecord, intent: Intent) -> None:
        self._state, self._rules, self._record, self._intent = state, rules, record, intent
        self._target_micro = to_micro(intent.target_notional)
        self._bounds: Bounds
        self._mark: MarkChange
        self._monies: tuple[int, int, int]
        self.checks: list[Check] = []
        self.lots = self.target_lots = 0
        self.expires_ts_ns = record.gate_ts_ns + rules.approval_ttl_ns

    def passes(self, address: Proposed) -> bool:
        """Whether every check passes; stops at the first that does not.

        Args:
            address: Strategy and symbol of the subject that it came on.
        """
        return (
            self._input(address)
            and self._standing()
            and self._configured()
            and self._fresh()
            and self._change()
            and self._amounts()
            and self._prices()
        )

    def _input(self, address: Proposed) -> bool:
        intent, breakers = self._intent, self._state.breakers
        made, is_good = INPUT.ask(
            False,
            intent.strategy_id != address.strategy_id or intent.symbol != address.symbol,
            (intent.side == "flat") != (self._target_micro == 0),
        )
        self.checks += made
        if is_good:
            breakers.success("invalid_input", self._record.principal)
        else:
            breakers.fault("invalid_input", self._record.principal)
        return is_good

    def _standing(self) -> bool:
        trading, breakers, symbol = self._state.trading, self._state.breakers, self._intent.symbol
        made, is_good = STANDING.ask(
            not self._record.is_audit_ok,
            trading.is_killed,
            trading.state is _HALTED,
            breakers.is_open("invalid_input", self._record.principal),
            breakers.is_open("stale_market", symbol) and self._rules.has_limits(symbol),
        )
        self.checks += made
        return is_good

    def _configured(self) -> bool:
        terms = self._rules.terms(self._intent.strategy_id, self._intent.symbol)
        self.checks += terms.checks
        if terms.bounds is None:
            return False
        self._bounds = terms.bounds
        return True

    def _fresh(self) -> bool:
        intent, state, now_ns = self._intent, self._state, self._record.gate_ts_ns
        mark = state.market.marks.get(intent.symbol)
        if mark is None:
            self.checks += MARK.ask(True)[0]
            state.breakers.fault("stale_market", intent.symbol)
            return False
        self.checks += MARK.passed
        mark_age_ns, basis_age_ns = now_ns - mark.ts_event_ns, now_ns - intent.basis_ts_ns
        made, is_good = self._rules.ages.ask(mark_age_ns, basis_age_ns, -basis_age_ns)
        self.checks += made
        if mark_age_ns > self._rules.mark_age_ns_max:
            state.breakers.fault("stale_market", intent.symbol)
        else:
            state.breakers.success("stale_market", intent.symbol)
        self._mark = mark
        return is_good

    def _change(self) -> bool:
        state, intent, target_micro = self._state, self._intent, self._target_micro
        strategy_id, symbol, side = intent.strategy_id, intent.symbol, intent.side
        is_closed = not state.market.is_open(symbol, self._record.gate_ts_ns)
        mark_micro, worth = self._mark.price_micro, self._bounds.worth
        size = lots_within(target_micro, mark_micro, worth)
        target = -size if side == "short" else size
        held = state.positions.held(strategy_id, symbol) + state.approvals.net(strategy_id, symbol)
        change = target - held
        worst = self._worst_lots(symbol, change)
        order_money = money_of(abs(change), mark_micro, worth)
        position_money = money_of(worst, mark_micro, worth)
        # All are not negative, so one of them is beyond 63 bits exactly if their union is.
        union = target_micro | size | abs(change) | worst | order_money | position_money | self.expires_ts_ns
        made, is_good = self._bounds.change.ask(
            is_closed,
            not is_closed and self._is_repeated(),
            union > INT64_MAX,
            size == 0 and side != "flat",
            change == 0,
            state.trading.state is _REDUCING and not _is_nearer_to_flat(target, held),
        )
        self.checks += made
        self.lots, self.target_lots = change, target
        self._monies = target_micro, order_money, position_money
        return is_good

    def _amounts(self) -> bool:
        made, is_good = self._bounds.amounts.ask(*self._monies)
        self.checks += made
        return is_good

    def _prices(self) -> bool:
        state, slippage_bps = self._state, self._intent.max_slippage_bps
        reference = state.market.reference_micro(self._intent.symbol, state.cutoff_ns)
        distance = collar_distance_bps(self._mark.price_micro, slippage_bps, reference, is_buy=self.lots > 0)
        made, is_good = self._bounds.prices.ask(slippage_bps, min(distance, INT64_MAX))
        self.checks += made
        return is_good

    def _is_repeated(self) -> bool:
        """Whether the wish was made before; from now on it was."""
        intent = self._intent
        wish = (
            f"{intent.strategy_id}\0{intent.symbol}\0{intent.side}\0{self._target_micro}"
            f"\0{intent.basis_source}\0{intent.basis_seq}"
        )
        return self._state.wishes.add(digest_of(wish), self._record.seq) is not None

    def _worst_lots(self, symbol: str, change: int) -> int:
        """The most lots the symbol could come to hold on the order's side; 0 where there is no order."""
        positions, approvals = self._state.positions, self._state.approvals
        if change > 0:
            return max(positions.held_in(symbol), 0) + approvals.long_in(symbol) + change
        if change < 0:
            return max(-positions.held_in(symbol), 0) + approvals.short_in(symbol) - change
        return 0


def _is_nearer_to_flat(target: int, held: int) -> bool:
    """Whether the target is strictly smaller than what is held, and not on the other side."""
    return 0 <= target < held or held < target <= 0
