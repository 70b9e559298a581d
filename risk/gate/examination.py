"""The examination of one intent: every check, in the order of the README's table.

Three stages, each one function of plain local names: an intent passes through here tens of
thousands of times a second, and a method a check would cost as much as the checks.
"""

from typing import NamedTuple

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


class Finding(NamedTuple):
    """What an examination came to.

    Attributes:
        checks: The comparisons made; where it denies, the last one did.
        lots: The change that is approved, signed; 0 where it denies.
        target_lots: What the strategy will then hold, signed; 0 where it denies.
        expires_ts_ns: When the approval lapses; 0 where it denies.
    """

    checks: Checks
    lots: int = 0
    target_lots: int = 0
    expires_ts_ns: int = 0


def examine(
    state: GateState, rules: Rules, record: GateRecord, intent: Intent, address: Proposed
) -> Finding:
    """Compare until something denies. Moves the breakers, and remembers the wish.

    Args:
        address: Strategy and symbol of the subject that the intent came on.
    """
    terms = rules.terms(intent.strategy_id, intent.symbol)
    target_micro = to_micro(intent.target_notional)
    mark = state.market.marks.get(intent.symbol)
    is_misaddressed = intent.strategy_id != address.strategy_id or intent.symbol != address.symbol
    is_contradicting = (intent.side == "flat") != (target_micro == 0)
    opening, passes = _opening(state, rules, record, terms, mark, (is_misaddressed, is_contradicting))
    if not passes or mark is None or terms.bounds is None:
        return Finding(opening)
    mark_age_ns = record.gate_ts_ns - mark.ts_event_ns
    basis_age_ns = record.gate_ts_ns - intent.basis_ts_ns
    if mark_age_ns > rules.mark_age_ns_max:
        state.breakers.fault("stale_market", intent.symbol)
    elif state.breakers.are_disturbed:
        state.breakers.success("stale_market", intent.symbol)
    ages, passes = rules.ages.ask((mark_age_ns, basis_age_ns, -basis_age_ns))
    if not passes:
        return Finding(opening + ages)
    return _bounded(state, record, intent, terms.bounds, mark, target_micro, opening + ages)
