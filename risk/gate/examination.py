"""The examination of one intent: every check, in the order of the README's table."""

from contracts.gate import GateRecord, MarkChange
from contracts.intents import Intent
from contracts.scalars import INT64_MAX
from contracts.states import TradingState
from contracts.subjects import Proposed
from risk.book.digests import digest_of
from risk.gate.amounts import collar_distance_bps, lots_within, money_of, to_micro
from risk.gate.checks import Checks
from risk.gate.rules import Bounds, Rules, Terms
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
        "_intent",
        "_mark",
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
        self._mark: MarkChange
        self.checks: Checks
        self.lots = self.target_lots = 0
        self.expires_ts_ns = record.gate_ts_ns + rules.approval_ttl_ns

    def passes(self, address: Proposed) -> bool:
        """Whether every check passes; stops at the first group with one that does not.

        Args:
            address: Strategy and symbol of the subject that it came on.
        """
        terms = self._rules.terms(self._intent.strategy_id, self._intent.symbol)
        if not self._may_open(address, terms):
            return False
        assert terms.bounds is not None  # else one of its answers has denied
        return self._is_fresh() and self._is_within(terms.bounds)

    def _may_open(self, address: Proposed, terms: Terms) -> bool:
        """The flags from ``INPUT_INVALID`` to ``MARK_MISSING``; an answer after the first yes has no say."""
        state, record, intent = self._state, self._record, self._intent
        breakers, trading, symbol = state.breakers, state.trading, intent.symbol
        is_elsewhere = intent.strategy_id != address.strategy_id or symbol != address.symbol
        is_contradicting = (intent.side == "flat") != (self._target_micro == 0)
        if is_elsewhere or is_contradicting:
            breakers.fault("invalid_input", record.principal)
        else:
            breakers.success("invalid_input", record.principal)
        mark = state.market.marks.get(symbol)
        self.checks, is_open = terms.opening.ask(
            False,
            is_elsewhere,
            is_contradicting,
            not record.is_audit_ok,
            trading.is_killed,
            trading.state is _HALTED,
            breakers.is_open("invalid_input", record.principal),
            breakers.is_open("stale_market", symbol) and self._rules.has_limits(symbol),
            *terms.answers,
            mark is None,
        )
        if mark is not None:
            self._mark = mark
        elif len(self.checks) == len(terms.opening.passed):
            breakers.fault("stale_market", symbol)
        return is_open

    def _is_fresh(self) -> bool:
        """The mark's age, and the intent's basis."""
        breakers, now_ns, intent = self._state.breakers, self._record.gate_ts_ns, self._intent
        mark_age_ns, basis_age_ns = now_ns - self._mark.ts_event_ns, now_ns - intent.basis_ts_ns
        made, is_good = self._rules.ages.ask(mark_age_ns, basis_age_ns, -basis_age_ns)
        self.checks += made
        if mark_age_ns > self._rules.mark_age_ns_max:
            breakers.fault("stale_market", intent.symbol)
        else:
            breakers.success("stale_market", intent.symbol)
        return is_good

    def _is_within(self, bounds: Bounds) -> bool:
        """Session, duplicate, the change in lots, and the limits on it."""
        state, intent, target_micro = self._state, self._intent, self._target_micro
        symbol, side, mark_micro = intent.symbol, intent.side, self._mark.price_micro
        is_closed = not state.market.is_open(symbol, self._record.gate_ts_ns)
        size = lots_within(target_micro, mark_micro, bounds.worth)
        target = -size if side == "short" else size
        held = state.positions.held(intent.strategy_id, symbol) + state.approvals.net(
            intent.strategy_id, symbol
        )
        change = target - held
        worst = self._worst_lots(symbol, change)
        order_money = money_of(abs(change), mark_micro, bounds.worth)
        position_money = money_of(worst, mark_micro, bounds.worth)
        # All are not negative, so one of them is beyond 63 bits exactly if their union is.
        union = target_micro | size | abs(change) | worst | order_money | position_money | self.expires_ts_ns
        made, is_good = bounds.change.ask(
            is_closed,
            not is_closed and self._is_repeated(),
            union > INT64_MAX,
            size == 0 and side != "flat",
            change == 0,
            state.trading.state is _REDUCING and not _is_nearer_to_flat(target, held),
        )
        self.checks += made
        if not is_good:
            return False
        self.lots, self.target_lots = change, target
        made, is_good = bounds.limits.ask(
            target_micro, order_money, position_money, intent.max_slippage_bps, self._collar_bps()
        )
        self.checks += made
        return is_good

    def _collar_bps(self) -> int:
        """How far the worst price lies from the reference."""
        reference = self._state.market.reference_micro(self._intent.symbol, self._state.cutoff_ns)
        distance = collar_distance_bps(
            self._mark.price_micro, self._intent.max_slippage_bps, reference, is_buy=self.lots > 0
        )
        return min(distance, INT64_MAX)  # a number beyond is written as the last one within

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
