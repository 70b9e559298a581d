"""The hostile world: awkward instruments, limits around them, and cards of strategies."""

import random
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from contracts.instruments import Instrument, SessionWindow, TradingSession
from contracts.limits import (
    BreakerLimits,
    Breakers,
    GateConfig,
    Limits,
    ResetLimits,
    StrategyCard,
    SymbolLimits,
)
from contracts.scalars import MILLISECOND_NS

ORDER_LOTS, POSITION_LOTS = 12, 80
"""What a symbol's limits allow, in lots at its first price."""

MARK_AGE_NS: Final = 500 * MILLISECOND_NS
BASIS_AGE_NS: Final = 400 * MILLISECOND_NS
BASIS_AHEAD_NS: Final = 50 * MILLISECOND_NS
COOL_OFF_NS: Final = 150 * MILLISECOND_NS
SECOND_WITHIN_NS: Final = 400 * MILLISECOND_NS


@dataclass(frozen=True, slots=True)
class Traded:
    """One symbol of the world. The price is the first one, in millionths; so is its step."""

    price_micro: int
    step_micro: int
    lot_size: float
    multiplier: float
    currency: str = "USD"


SOUND: Final = {
    "ES": Traded(1_640_000_000, 250_000, 1.0, 50.0),
    "BTC/USDT": Traded(60_000_000_000, 10_000, 0.001, 1.0),
    "SHIB": Traded(900, 1, 1.0, 1.0),
    "BRK.A": Traded(999_999_000_000_000, 1_000_000, 1e-6, 1.0),
    "ODD=X": Traded(33_333_333, 1, 0.1, 0.3),
    "BOND-10": Traded(101_370_000, 0, 1.0, 1_000.0),
}
"""Symbols in which intents can be approved: a large multiplier, a small lot, a price of millionths, the
highest price, steps that no binary fraction holds, and a price that stands still."""

UNSOUND: Final = {
    "DUST": Traded(1, 0, 1e-6, 1e-6),
    "HUGE": Traded(10**15, 0, 1e9, 1e9),
    "EURO": Traded(5_000_000, 1_000, 1.0, 1.0, "EUR"),
    "SYNTH": Traded(100_000_000, 10_000, 1.0, 1.0),
    "NOLIM": Traded(100_000_000, 10_000, 1.0, 1.0),
    "SHUT": Traded(100_000_000, 10_000, 1.0, 1.0),
    "QUIET": Traded(100_000_000, 10_000, 1.0, 1.0),
    "LATE": Traded(100_000_000, 10_000, 1.0, 1.0),
}
"""Symbols with something wrong: lots or money beyond 64 bits, another currency, restricted, without limits,
closed, without a mark, and with marks that come too late."""

TRADED: Final = {**SOUND, **UNSOUND}
GHOST: Final = "GHOST"
"""A symbol that a card names and no instrument defines."""

NARROW: Final = "gamma"
NARROW_SYMBOLS: Final = ("ES", "BTC/USDT")
STRATEGIES: Final = ("alpha", "beta", NARROW)
PRINCIPALS: Final = ("predict", "drill", "slm")
OPERATORS: Final = ("operator1", "operator2", "operator3")

_ALWAYS = TradingSession(
    name="always", time_zone="UTC", windows=(SessionWindow(opens="MON 00:00", closes="SUN 24:00"),)
)


def configuration() -> GateConfig:
    """The configuration that a sequence starts with."""
    symbols = (*TRADED, GHOST)
    return GateConfig(
        limits=_limits(),
        instruments=tuple(_instrument(symbol, each) for symbol, each in TRADED.items()),
        cards=(
            _card("alpha", symbols, 1e12),
            _card("beta", symbols, 2_000_000.0),
            _card(NARROW, NARROW_SYMBOLS, 700_000.0),
        ),
    )


def lot_money(symbol: str) -> float:
    """About what one lot is worth at the first price."""
    traded = TRADED[symbol]
    return traded.price_micro / 1e6 * traded.multiplier * traded.lot_size


def with_symbol_limit(config: GateConfig, symbol: str, field: str, money: float) -> GateConfig:
    """The configuration with one of a symbol's limits changed."""
    per_symbol = dict(config.limits.per_symbol)
    per_symbol[symbol] = replace(per_symbol.get(symbol) or _symbol_limits(symbol), **{field: money})
    return replace(config, limits=replace(config.limits, per_symbol=per_symbol))


def with_target_limit(config: GateConfig, strategy_id: str, money: float) -> GateConfig:
    """The configuration with one card's largest target changed."""
    cards = tuple(
        replace(card, target_notional_max=money) if card.strategy_id == strategy_id else card
        for card in config.cards
    )
    return replace(config, cards=cards)


def other_rules(rng: random.Random) -> GateConfig:
    """The first configuration, or it with one rule changed or gone."""
    config, symbol = configuration(), rng.choice(tuple(TRADED))
    limits, per_symbol = config.limits, dict(config.limits.per_symbol)
    per_symbol.pop(symbol, None)
    variants = (
        limits,
        replace(limits, per_symbol=per_symbol),
        replace(limits, restricted=(*limits.restricted, symbol)),
        replace(limits, account_currency="EUR"),
        replace(limits, collar_window_ms=rng.choice((0, 1, 50, 3_000))),
        replace(limits, approval_ttl_ms=rng.choice((0, 1, 100, 1_500))),
        replace(limits, breakers=_touchy(rng)),
    )
    chosen = rng.choices(variants, (6, 3, 3, 0.3, 3, 3, 3))[0]
    instruments = tuple(each for each in config.instruments if rng.random() < 0.98)
    cards = tuple(each for each in config.cards if rng.random() < 0.97)
    return GateConfig(limits=chosen, instruments=instruments, cards=cards)


def _touchy(rng: random.Random) -> Breakers:
    return Breakers(
        invalid_input=BreakerLimits(
            faults_to_open=rng.randint(1, 8),
            window_ms=rng.choice((0, 1, 500)),
            cooldown_ms=rng.choice((0, 1, 100)),
            probes_to_close=rng.randint(1, 3),
        ),
        stale_market=BreakerLimits(
            faults_to_open=rng.randint(1, 3),
            window_ms=rng.choice((0, 200, 2_000)),
            cooldown_ms=rng.choice((0, 50)),
            probes_to_close=rng.randint(1, 3),
        ),
    )


def _limits() -> Limits:
    return Limits(
        account_currency="USD",
        per_symbol={symbol: _symbol_limits(symbol) for symbol in TRADED if symbol != "NOLIM"},
        restricted=("SYNTH",),
        mark_age_ms_max=MARK_AGE_NS // MILLISECOND_NS,
        basis_age_ms_max=BASIS_AGE_NS // MILLISECOND_NS,
        basis_ahead_ms_max=BASIS_AHEAD_NS // MILLISECOND_NS,
        collar_window_ms=1_000,
        approval_ttl_ms=800,
        breakers=Breakers(
            invalid_input=BreakerLimits(
                faults_to_open=6, window_ms=1_000, cooldown_ms=300, probes_to_close=3
            ),
            stale_market=BreakerLimits(faults_to_open=3, window_ms=600, cooldown_ms=250, probes_to_close=2),
        ),
        reset=ResetLimits(
            cool_off_ms=COOL_OFF_NS // MILLISECOND_NS, second_within_ms=SECOND_WITHIN_NS // MILLISECOND_NS
        ),
    )


def _symbol_limits(symbol: str) -> SymbolLimits:
    worth = 1e11 if symbol in ("DUST", "HUGE") else lot_money(symbol)
    return SymbolLimits(
        order_notional_max=min(1e12, ORDER_LOTS * worth),
        position_notional_max=min(1e12, POSITION_LOTS * worth),
        collar_bps=50,
        slippage_bps_max=60,
    )


def _instrument(symbol: str, traded: Traded) -> Instrument:
    return Instrument(
        symbol=symbol,
        venue="SIM",
        kind="synthetic",
        currency=traded.currency,
        tick_size=max(traded.step_micro, 1) / 1e6,
        lot_size=traded.lot_size,
        multiplier=traded.multiplier,
        session=_ALWAYS,
    )


def _card(strategy_id: str, symbols: tuple[str, ...], target_max: float) -> StrategyCard:
    return StrategyCard(
        strategy_id=strategy_id, owner="prove", instruments=symbols, target_notional_max=target_max
    )
