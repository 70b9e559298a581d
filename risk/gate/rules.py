"""Rules: the configuration in force, checked and turned into integers once."""

from typing import NamedTuple

from contracts.instruments import Instrument
from contracts.limits import BreakerLimits, GateConfig, Limits, StrategyCard, SymbolLimits
from contracts.scalars import MILLISECOND_NS
from contracts.verdicts import DenyCode
from risk.gate.amounts import LotWorth, lot_worth, to_micro
from risk.gate.checks import FlagChecks, NumberChecks, Question, change_checks, opening_checks


class BreakerRule(NamedTuple):
    """When one kind of breaker moves, in nanoseconds."""

    faults_to_open: int
    window_ns: int
    cooldown_ns: int
    probes_to_close: int


class Bounds(NamedTuple):
    """What binds one strategy in one symbol that it may trade.

    Attributes:
        worth: What a lot is worth at a mark.
        change: Session, duplicate, and the change in lots.
        limits: Target, order and position money in micro-units; slippage, and the worst price's
            distance from the reference, in basis points.
    """

    worth: LotWorth
    change: FlagChecks
    limits: NumberChecks


class Terms(NamedTuple):
    """What the configuration alone says of one strategy in one symbol.

    Attributes:
        opening: The flags that are asked first.
        answers: Those of them that need nothing else, from ``STRATEGY_UNKNOWN`` to ``RESTRICTED``.
        bounds: None where one of the answers denies.
    """

    opening: FlagChecks
    answers: tuple[bool, bool, bool, bool, bool, bool]
    bounds: Bounds | None


class Rules:
    """One ``GateConfig`` as the gate uses it.

    Raises ``ValueError`` where the configuration names a symbol or strategy twice.
    """

    def __init__(self, config: GateConfig) -> None:
        limits = config.limits
        self.config = config
        self.mark_age_ns_max = limits.mark_age_ms_max * MILLISECOND_NS
        self.ages = _ages(limits)
        self.collar_window_ns = limits.collar_window_ms * MILLISECOND_NS
        self.approval_ttl_ns = limits.approval_ttl_ms * MILLISECOND_NS
        self.cool_off_ns = limits.reset.cool_off_ms * MILLISECOND_NS
        self.second_within_ns = limits.reset.second_within_ms * MILLISECOND_NS
        self.breakers = {
            "invalid_input": _breaker_rule(limits.breakers.invalid_input),
            "stale_market": _breaker_rule(limits.breakers.stale_market),
        }
        self._limits = limits.per_symbol
        self._restricted = frozenset(limits.restricted)
        self._instruments = {instrument.symbol: instrument for instrument in config.instruments}
        self._cards = {card.strategy_id: card for card in config.cards}
        if len(self._instruments) != len(config.instruments) or len(self._cards) != len(config.cards):
            raise ValueError("the configuration names a symbol or a strategy twice")
        self._terms: dict[tuple[str, str], Terms] = {}

    def has_limits(self, symbol: str) -> bool:
        """Whether the limits file has an entry for the symbol."""
        return symbol in self._limits

    @property
    def limited_symbols(self) -> list[str]:
        """The symbols that have limits, sorted."""
        return sorted(self._limits)

    def terms(self, strategy_id: str, symbol: str) -> Terms:
        """The terms of a strategy in a symbol, known or not."""
        terms = self._terms.get((strategy_id, symbol))
        if terms is None:
            terms = self._make_terms(strategy_id, symbol)
            if strategy_id in self._cards and symbol in self._instruments:  # not what a stranger invents
                self._terms[strategy_id, symbol] = terms
        return terms

    def _make_terms(self, strategy_id: str, symbol: str) -> Terms:
        card, instrument = self._cards.get(strategy_id), self._instruments.get(symbol)
        limits = self._limits.get(symbol)
        answers = (
            card is None,
            instrument is None,
            card is None or symbol not in card.instruments,
            limits is None,
            instrument is None or instrument.currency != self.config.limits.account_currency,
            symbol in self._restricted,
        )
        opening = opening_checks(strategy_id)
        if card is None or instrument is None or limits is None or True in answers:
            return Terms(opening, answers, None)
        return Terms(opening, answers, _bounds(card, instrument, limits))


def _breaker_rule(limits: BreakerLimits) -> BreakerRule:
    return BreakerRule(
        faults_to_open=limits.faults_to_open,
        window_ns=limits.window_ms * MILLISECOND_NS,
        cooldown_ns=limits.cooldown_ms * MILLISECOND_NS,
        probes_to_close=limits.probes_to_close,
    )


def _ages(limits: Limits) -> NumberChecks:
    return NumberChecks(
        Question(
            DenyCode.MARK_STALE, "limits.mark_age_ms_max", "ns", limits.mark_age_ms_max * MILLISECOND_NS
        ),
        Question(
            DenyCode.BASIS_STALE, "limits.basis_age_ms_max", "ns", limits.basis_age_ms_max * MILLISECOND_NS
        ),
        Question(
            DenyCode.BASIS_AHEAD,
            "limits.basis_ahead_ms_max",
            "ns",
            limits.basis_ahead_ms_max * MILLISECOND_NS,
        ),
    )


def _bounds(card: StrategyCard, instrument: Instrument, limits: SymbolLimits) -> Bounds:
    path = f"limits.per_symbol.{instrument.symbol}"
    target_setting = f"cards.{card.strategy_id}.target_notional_max"
    target_max, order_max = to_micro(card.target_notional_max), to_micro(limits.order_notional_max)
    position_max = to_micro(limits.position_notional_max)
    return Bounds(
        worth=lot_worth(to_micro(instrument.multiplier), to_micro(instrument.lot_size)),
        change=change_checks(instrument.symbol),
        limits=NumberChecks(
            Question(DenyCode.STRATEGY_NOTIONAL, target_setting, "micro", target_max),
            Question(DenyCode.ORDER_NOTIONAL, f"{path}.order_notional_max", "micro", order_max),
            Question(DenyCode.POSITION_NOTIONAL, f"{path}.position_notional_max", "micro", position_max),
            Question(DenyCode.SLIPPAGE, f"{path}.slippage_bps_max", "bps", limits.slippage_bps_max),
            Question(DenyCode.PRICE_COLLAR, f"{path}.collar_bps", "bps", limits.collar_bps),
        ),
    )
