"""A situation: rules, market and book of a few symbols, drawn so that every limit binds somewhere."""

import random
from dataclasses import dataclass, field
from typing import Final

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
from contracts.scalars import MICRO, MILLISECOND_NS, SECOND_NS

PROBE, OTHER = "probe", "other"
"""The strategy whose room is asked for, and the rest of the desk."""

LONGEST_MS: Final = 7 * 86_400_000
MARK_AGE_MS: Final = 500
MONEY_MAX: Final = 1e12
ODD: Final = 0.025
"""Share of the symbols that have any one thing wrong with them."""

_ALWAYS = TradingSession(
    name="always", time_zone="UTC", windows=(SessionWindow(opens="MON 00:00", closes="SUN 24:00"),)
)
_NEVER = BreakerLimits(
    faults_to_open=1_000_000, window_ms=0, cooldown_ms=LONGEST_MS, probes_to_close=1_000_000
)
_AT_ONCE = BreakerLimits(faults_to_open=1, window_ms=0, cooldown_ms=LONGEST_MS, probes_to_close=1_000_000)


@dataclass(frozen=True, slots=True)
class SymbolCase:
    """One symbol: what it is, what the rules say of it, and what happens to it before it is judged.

    Prices are in millionths. The first mark comes with the permissive rules, the second with those
    that are judged.

    Attributes:
        mark_age_ns: Of the last mark, when it is judged.
        closed_by_ns: How far the session ended before the judgement; 0 or less where it is open.
        fills: Lots filled by strategy.
        wishes: Changes that each strategy has approved and not filled, in order.
    """

    symbol: str
    lot_size: float
    multiplier: float
    price_micro: int
    next_price_micro: int
    order_max: float
    position_max: float
    collar_bps: int
    slippage_bps_max: int
    mark_age_ns: int
    closed_by_ns: int
    currency: str = "USD"
    is_limited: bool = True
    is_restricted: bool = False
    is_on_card: bool = True
    has_mark: bool = True
    is_breaker_open: bool = False
    fills: dict[str, int] = field(default_factory=dict)
    wishes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """Symbols under one configuration.

    Attributes:
        elapsed_ns: From the first marks to the judgement.
        stop: What stops everything or holds it back; empty where nothing does.
    """

    cases: tuple[SymbolCase, ...]
    target_max: float
    collar_window_ms: int
    elapsed_ns: int
    stop: str

    def rules(self) -> GateConfig:
        """The configuration that is judged. An approval lapses before the next record."""
        limits = {
            case.symbol: SymbolLimits(
                order_notional_max=case.order_max,
                position_notional_max=case.position_max,
                collar_bps=case.collar_bps,
                slippage_bps_max=case.slippage_bps_max,
            )
            for case in self.cases
            if case.is_limited
        }
        restricted = tuple(case.symbol for case in self.cases if case.is_restricted)
        return self._config(
            _limits(limits, restricted, MARK_AGE_MS, self.collar_window_ms, ttl_ms=0, breaker=_NEVER),
            {case.symbol: case.currency for case in self.cases},
            tuple(case.symbol for case in self.cases if case.is_on_card) or ("NONE",),
            self.target_max,
        )

    def permissive(self) -> GateConfig:
        """A configuration under which the book is built. An approval outlasts the judgement."""
        symbols = tuple(case.symbol for case in self.cases)
        most = SymbolLimits(
            order_notional_max=MONEY_MAX,
            position_notional_max=MONEY_MAX,
            collar_bps=10_000,
            slippage_bps_max=10_000,
        )
        return self._config(
            _limits(
                dict.fromkeys(symbols, most), (), LONGEST_MS, LONGEST_MS, ttl_ms=LONGEST_MS, breaker=_AT_ONCE
            ),
            dict.fromkeys(symbols, "USD"),
            symbols,
            MONEY_MAX,
        )

    def _config(
        self, limits: Limits, currencies: dict[str, str], on_card: tuple[str, ...], target_max: float
    ) -> GateConfig:
        return GateConfig(
            limits=limits,
            instruments=tuple(_instrument(case, currencies[case.symbol]) for case in self.cases),
            cards=tuple(
                StrategyCard(
                    strategy_id=name, owner="prove", instruments=on_card, target_notional_max=target_max
                )
                for name in (PROBE, OTHER)
            ),
        )


def situation(rng: random.Random, number: int) -> Situation:
    """One at random. Its symbols bear its number, so that no two situations of a gate share one."""
    elapsed_ns = rng.choice((0, MILLISECOND_NS, MILLISECOND_NS * 400, SECOND_NS))
    cases = tuple(_case(rng, f"S{number}.{place}") for place in range(rng.choice((1, 1, 1, 2))))
    aim = rng.choice(cases)
    return Situation(
        cases=cases,
        target_max=_money(rng, aim, rng.choice((0, 1, 3, 8, 8, 8, 500, 500))),
        collar_window_ms=rng.choice((0, 1, 400, 1_000, 60_000)),
        elapsed_ns=elapsed_ns,
        stop=rng.choices(("", "reduce", "kill", "audit"), (87, 10, 1, 2))[0],
    )


def _case(rng: random.Random, symbol: str) -> SymbolCase:
    price_micro = int(10 ** rng.uniform(0, 12))
    drift = rng.choice((0, 0, rng.randint(-30, 30), rng.randint(-300, 300)))
    bare = SymbolCase(
        symbol=symbol,
        lot_size=rng.choice((1.0, 1.0, 0.001, 0.1, 1e-6, 100.0)),
        multiplier=rng.choice((1.0, 1.0, 50.0, 0.3, 1_000.0)),
        price_micro=price_micro,
        next_price_micro=max(1, price_micro + price_micro * drift // 10_000),
        order_max=0.0,
        position_max=0.0,
        collar_bps=rng.choice((0, 5, 50, 200, 200, 10_000)),
        slippage_bps_max=rng.choice((0, 1, 25, 60)),
        mark_age_ns=rng.choices(
            (0, MARK_AGE_MS * MILLISECOND_NS, MARK_AGE_MS * MILLISECOND_NS + 1), (90, 5, 5)
        )[0],
        closed_by_ns=rng.choices((-SECOND_NS, -1, 0, 1), (90, 4, 3, 3))[0],
    )
    odd = [rng.random() < ODD for _ in range(6)]
    return SymbolCase(
        **{
            **{name: getattr(bare, name) for name in SymbolCase.__slots__},
            "order_max": _money(rng, bare, rng.choice((0, 1, 2, 5, 5, 9, 9, 9, 300))),
            "position_max": _money(rng, bare, rng.choice((0, 2, 6, 12, 12, 20, 20, 20, 1_000))),
            "currency": "EUR" if odd[0] else "USD",
            "is_limited": not odd[1],
            "is_restricted": odd[2],
            "is_on_card": not odd[3],
            "has_mark": not odd[4],
            "is_breaker_open": odd[5],
            "fills": {name: _lots(rng, 6) for name in (PROBE, OTHER)},
            "wishes": tuple(
                (rng.choice((PROBE, OTHER)), _lots(rng, 4)) for _ in range(rng.choice((0, 0, 1, 2)))
            ),
        }
    )


def _lots(rng: random.Random, most: int) -> int:
    return rng.choice((0, rng.randint(-most, most)))


def _money(rng: random.Random, case: SymbolCase, lots: int) -> float:
    """About so many lots at the last mark: exactly, a hair less or more, or half a lot more."""
    lot = case.next_price_micro / MICRO * case.multiplier * case.lot_size
    exact = lots * lot
    return min(
        max(0.0, rng.choice((exact, exact - 1e-6, exact + 1e-6, exact * (1 - 1e-12), exact + lot / 2))),
        MONEY_MAX,
    )


def _limits(
    per_symbol: dict[str, SymbolLimits],
    restricted: tuple[str, ...],
    mark_age_ms: int,
    collar_window_ms: int,
    *,
    ttl_ms: int,
    breaker: BreakerLimits,
) -> Limits:
    return Limits(
        account_currency="USD",
        per_symbol=per_symbol,
        restricted=restricted,
        mark_age_ms_max=mark_age_ms,
        basis_age_ms_max=0,
        basis_ahead_ms_max=0,
        collar_window_ms=collar_window_ms,
        approval_ttl_ms=ttl_ms,
        breakers=Breakers(invalid_input=_NEVER, stale_market=breaker),
        reset=ResetLimits(cool_off_ms=0, second_within_ms=LONGEST_MS),
    )


def _instrument(case: SymbolCase, currency: str) -> Instrument:
    return Instrument(
        symbol=case.symbol,
        venue="SIM",
        kind="synthetic",
        currency=currency,
        tick_size=0.01,
        lot_size=case.lot_size,
        multiplier=case.multiplier,
        session=_ALWAYS,
    )
