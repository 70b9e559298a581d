"""The rules in force: limits, instruments and cards as decimals, read from a ``config`` record's body."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import msgspec

from services.prove.oracle import numbers

MILLISECOND_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """Money in account currency; the rest in basis points."""

    order_max: Decimal
    position_max: Decimal
    collar_bps: int
    slippage_bps_max: int


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """Durations in nanoseconds of gate time."""

    faults_to_open: int
    window_ns: int
    cooldown_ns: int
    probes_to_close: int

    @classmethod
    def of(cls, document: dict[str, int]) -> Self:
        """From the limits file's entry."""
        return cls(
            document["faults_to_open"],
            document["window_ms"] * MILLISECOND_NS,
            document["cooldown_ms"] * MILLISECOND_NS,
            document["probes_to_close"],
        )


@dataclass(frozen=True, slots=True)
class Card:
    """What a strategy may name, and ask for."""

    instruments: frozenset[str]
    target_max: Decimal


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a ``config`` record brings. Durations in nanoseconds.

    Attributes:
        currencies: Of each instrument.
        lot_worth: Multiplier times lot size of each instrument: the money of one lot per unit of price.
    """

    account_currency: str
    symbols: dict[str, SymbolRules]
    restricted: frozenset[str]
    currencies: dict[str, str]
    lot_worth: dict[str, Decimal]
    cards: dict[str, Card]
    breakers: dict[str, BreakerRules]
    mark_age_ns: int
    basis_age_ns: int
    basis_ahead_ns: int
    collar_window_ns: int
    approval_ttl_ns: int
    cool_off_ns: int
    second_within_ns: int

    @classmethod
    def read(cls, body: bytes) -> Self:
        """From the bytes of a ``GateConfig``, which the gate's own files were turned into."""
        document: dict[str, Any] = msgspec.msgpack.decode(body)
        limits = document["limits"]
        instruments = {each["symbol"]: each for each in document["instruments"]}
        return cls(
            account_currency=limits["account_currency"],
            symbols={symbol: _symbol_rules(each) for symbol, each in limits["per_symbol"].items()},
            restricted=frozenset(limits["restricted"]),
            currencies={symbol: each["currency"] for symbol, each in instruments.items()},
            lot_worth={symbol: _lot_worth(each) for symbol, each in instruments.items()},
            cards={each["strategy_id"]: _card(each) for each in document["cards"]},
            breakers={name: BreakerRules.of(each) for name, each in limits["breakers"].items()},
            mark_age_ns=limits["mark_age_ms_max"] * MILLISECOND_NS,
            basis_age_ns=limits["basis_age_ms_max"] * MILLISECOND_NS,
            basis_ahead_ns=limits["basis_ahead_ms_max"] * MILLISECOND_NS,
            collar_window_ns=limits["collar_window_ms"] * MILLISECOND_NS,
            approval_ttl_ns=limits["approval_ttl_ms"] * MILLISECOND_NS,
            cool_off_ns=limits["reset"]["cool_off_ms"] * MILLISECOND_NS,
            second_within_ns=limits["reset"]["second_within_ms"] * MILLISECOND_NS,
        )


def _symbol_rules(document: dict[str, Any]) -> SymbolRules:
    return SymbolRules(
        numbers.amount(document["order_notional_max"]),
        numbers.amount(document["position_notional_max"]),
        document["collar_bps"],
        document["slippage_bps_max"],
    )


def _lot_worth(document: dict[str, Any]) -> Decimal:
    return numbers.product(numbers.amount(document["multiplier"]), numbers.amount(document["lot_size"]))


def _card(document: dict[str, Any]) -> Card:
    return Card(frozenset(document["instruments"]), numbers.amount(document["target_notional_max"]))
