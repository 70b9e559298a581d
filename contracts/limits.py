"""Risk limits, strategy cards, and the configuration that the gate journals before it decides.

Money is in the account currency. Durations end in ``_ms`` and are event time, which is the only
time that the gate knows. Every field is mandatory: a limit that nobody wrote is no limit.
"""

from typing import Annotated

from msgspec import Meta, Struct

from contracts.instruments import Instrument
from contracts.scalars import Bps, Currency, Notional, StrategyId, Symbol

DurationMs = Annotated[int, Meta(ge=0, le=7 * 86_400_000)]
PositiveCount = Annotated[int, Meta(ge=1, le=1_000_000)]


class SymbolLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one symbol may carry.

    Attributes:
        order_notional_max: Of the change that one approval allows.
        position_notional_max: Of the worst case, long or short, over all strategies: positions
            plus every open approval on that side.
        collar_bps: How far the mark, moved by the intent's slippage, may lie from the reference.
        slippage_bps_max: The largest ``max_slippage_bps`` an intent may ask for.
    """

    order_notional_max: Notional
    position_notional_max: Notional
    collar_bps: Bps
    slippage_bps_max: Bps


class BreakerLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a circuit breaker opens and closes.

    Attributes:
        faults_to_open: The fault that makes this many within the window opens it.
        window_ms: How long a fault counts.
        cooldown_ms: How long it stays open before it lets a probe through.
        probes_to_close: Successful probes that close it; one failed probe opens it again.
    """

    faults_to_open: PositiveCount
    window_ms: DurationMs
    cooldown_ms: DurationMs
    probes_to_close: PositiveCount


class Breakers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gate's circuit breakers: ``invalid_input`` a principal, ``stale_market`` a symbol."""

    invalid_input: BreakerLimits
    stale_market: BreakerLimits


class ResetLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How trading resumes after a kill.

    Attributes:
        cool_off_ms: Nobody may ask for a reset sooner after the kill.
        second_within_ms: The second person must follow the first within this time.
    """

    cool_off_ms: DurationMs
    second_within_ms: DurationMs


class Limits(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="limits.v1", forbid_unknown_fields=True
):
    """The limits file: one JSON document, without which there is no gate.

    Attributes:
        restricted: Symbols in which nothing is ever approved.
        mark_age_ms_max: Of the newest market row of the symbol, against gate time.
        basis_age_ms_max: Of the row that an intent rests on, against gate time.
        basis_ahead_ms_max: How far that row may lie ahead of what the gate has seen.
        collar_window_ms: The collar's reference is the mean of the marks journaled in it.
        approval_ttl_ms: How long an approval stays open without a fill.
    """

    account_currency: Currency
    per_symbol: dict[Symbol, SymbolLimits]
    restricted: tuple[Symbol, ...]
    mark_age_ms_max: DurationMs
    basis_age_ms_max: DurationMs
    basis_ahead_ms_max: DurationMs
    collar_window_ms: DurationMs
    approval_ttl_ms: DurationMs
    breakers: Breakers
    reset: ResetLimits


class StrategyCard(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="strategy_card.v1", forbid_unknown_fields=True
):
    """What one strategy is deployed for, and who answers for it. No card, no approval.

    Attributes:
        owner: The person or desk to call.
        instruments: The symbols it may name.
        target_notional_max: The largest exposure it may ask for, in account currency.
    """

    strategy_id: StrategyId
    owner: Annotated[str, Meta(min_length=1, max_length=128)]
    instruments: Annotated[tuple[Symbol, ...], Meta(min_length=1, max_length=1_024)]
    target_notional_max: Notional


class GateConfig(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="gate_config.v1", forbid_unknown_fields=True
):
    """Everything the gate is configured with, by value: the body of a ``config`` record."""

    limits: Limits
    instruments: tuple[Instrument, ...]
    cards: tuple[StrategyCard, ...]
