"""The examination of one intent: every check, in the order of the README's table.

Few functions with many local names: a gate does this tens of thousands of times a second, and a
method for each check would cost as much as the check.
"""

from msgspec import Struct

from contracts.gate import GateRecord, MarkChange
from contracts.intents import Intent
from contracts.scalars import INT64_MAX
from contracts.states import TradingState
from contracts.subjects import Proposed
from risk.book.digests import digest_of
from risk.gate.amounts import collar_distance_bps, lots_within, money_of, to_micro
from risk.gate.checks import Checks, Made
from risk.gate.rules import Bounds, Rules, Terms
from risk.gate.state import GateState

# Looked up once: in this Python an enum member costs a call.
_REDUCING, _HALTED = TradingState.REDUCING, TradingState.HALTED


class Finding(Struct, frozen=True):
    """What an examination came to.

    Attributes:
        checks: The comparisons made; where it denies, the last one did.
        view: Their hash views one after another.
        lots: The change that is approved, signed; 0 where it denies.
        target_lots: What the strategy will then hold, signed; 0 where it denies.
    """

    checks: Checks
    view: bytes
    lots: int = 0
    target_lots: int = 0


def examine(state: GateState, rules: Rules, record: GateRecord, intent: Intent, address: Proposed) -> Finding:
    """Compare until something denies. Moves the breakers, and remembers the wish.

    Args:
        address: Strategy and symbol of the subject that the intent came on.
    """
    terms = rules.terms(intent.strategy_id, intent.symbol)
    target_micro = to_micro(intent.target_notional)
    faults = (
        intent.strategy_id != address.strategy_id or intent.symbol != address.symbol,
        (intent.side == "flat") != (target_micro == 0),
    )
    opening = _open(state, rules, record, terms, symbol=intent.symbol, faults=faults)
    if not opening.passes or terms.bounds is None:
        return Finding(opening.checks, opening.view)
    mark = state.market.marks[intent.symbol]
    mark_age_ns = record.gate_ts_ns - mark.ts_event_ns
    basis_age_ns = record.gate_ts_ns - intent.basis_ts_ns
    if mark_age_ns > rules.mark_age_ns_max:
        state.breakers.fault("stale_market", intent.symbol)
    elif state.breakers.disturbed:
        state.breakers.success("stale_market", intent.symbol)
    ages = rules.ages.ask(mark_age_ns, basis_age_ns, -basis_age_ns)
    if not ages.passes:
        return Finding(opening.checks + ages.checks, opening.view + ages.view)
    expires_ts_ns = record.gate_ts_ns + rules.approval_ttl_ns
    bounded = _bounded(
        state, record, intent, mark, terms.bounds, target_micro=target_micro, expires_ts_ns=expires_ts_ns
    )
    return Finding(
        opening.checks + ages.checks + bounded.checks,
        opening.view + ages.view + bounded.view,
        bounded.lots,
        bounded.target_lots,
    )


def _open(
    state: GateState,
    rules: Rules,
    record: GateRecord,
    terms: Terms,
    *,
    symbol: str,
    faults: tuple[bool, bool],
) -> Made:
    """The flags from ``INPUT_INVALID`` to ``MARK_MISSING``; an answer after the first yes has no say."""
    breakers, trading, principal = state.breakers, state.trading, record.principal
    if True in faults:
        breakers.fault("invalid_input", principal)
    elif breakers.disturbed:
        breakers.success("invalid_input", principal)
    is_disturbed, has_no_mark = bool(breakers.disturbed), symbol not in state.market.marks
    made = terms.opening.ask(
        False,
        *faults,
        not record.is_audit_ok,
        trading.is_killed,
        trading.state is _HALTED,
        is_disturbed and breakers.is_open("invalid_input", principal),
        is_disturbed and breakers.is_open("stale_market", symbol) and rules.has_limits(symbol),
        *terms.answers,
        has_no_mark,
    )
    if has_no_mark and len(made.checks) == len(terms.opening):
        breakers.fault("stale_market", symbol)
    return made


def _bounded(
    state: GateState,
    record: GateRecord,
    intent: Intent,
    mark: MarkChange,
    bounds: Bounds,
    *,
    target_micro: int,
    expires_ts_ns: int,
) -> Finding:
    """From ``SESSION_CLOSED`` to ``PRICE_COLLAR``."""
    symbol, side, mark_micro = intent.symbol, intent.side, mark.price_micro
    is_closed = not state.market.is_open(symbol, record.gate_ts_ns)
    size = lots_within(target_micro, mark_micro, bounds.worth)
    target = -size if side == "short" else size
    mine = intent.strategy_id, symbol
    held = state.positions.held(mine) + state.approvals.net(mine)
    change = target - held
    worst = _worst_lots(state, symbol, change)
    order_money = money_of(abs(change), mark_micro, bounds.worth)
    position_money = money_of(worst, mark_micro, bounds.worth)
    # All are not negative, so one of them is beyond 63 bits exactly if their union is.
    union = target_micro | size | abs(change) | worst | order_money | position_money | expires_ts_ns
    flags = bounds.change.ask(
        is_closed,
        not is_closed and _is_repeated(state, record, intent, target_micro),
        union > INT64_MAX,
        size == 0 and side != "flat",
        change == 0,
        state.trading.state is _REDUCING and not _is_nearer_to_flat(target, held),
    )
    if not flags.passes:
        return Finding(flags.checks, flags.view)
    slippage_bps = intent.max_slippage_bps
    reference = state.market.reference_micro(symbol, state.cutoff_ns)
    distance = collar_distance_bps(mark_micro, slippage_bps, reference, is_buy=change > 0)
    distance = min(distance, INT64_MAX)  # a number beyond is written as the last one within
    numbers = bounds.limits.ask(target_micro, order_money, position_money, slippage_bps, distance)
    checks, view = flags.checks + numbers.checks, flags.view + numbers.view
    return Finding(checks, view, change, target) if numbers.passes else Finding(checks, view)


def _is_repeated(state: GateState, record: GateRecord, intent: Intent, target_micro: int) -> bool:
    """Whether the wish was made before; from now on it was."""
    wish = (
        f"{intent.strategy_id}\0{intent.symbol}\0{intent.side}\0{target_micro}"
        f"\0{intent.basis_source}\0{intent.basis_seq}"
    )
    return state.wishes.add(digest_of(wish), record.seq) is not None


def _worst_lots(state: GateState, symbol: str, change: int) -> int:
    """The most lots the symbol could come to hold on the order's side; 0 where there is no order."""
    if change > 0:
        return max(state.positions.held_in(symbol), 0) + state.approvals.long_in(symbol) + change
    if change < 0:
        return max(-state.positions.held_in(symbol), 0) + state.approvals.short_in(symbol) - change
    return 0


def _is_nearer_to_flat(target: int, held: int) -> bool:
    """Whether the target is strictly smaller than what is held, and not on the other side."""
    return 0 <= target < held or held < target <= 0
