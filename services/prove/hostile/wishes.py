"""Wishes: the fields of intents, from honest ones to those that aim at a limit."""

import random
from decimal import Decimal
from typing import Final

from services.prove.hostile.aim import Aim, money_near
from services.prove.hostile.spoil import Fields
from services.prove.hostile.world import (
    BASIS_AGE_NS,
    BASIS_AHEAD_NS,
    NARROW,
    NARROW_SYMBOLS,
    SOUND,
    STRATEGIES,
)
from services.prove.oracle import numbers

LOTS_HELD_MAX: Final = 8
LOTS_CHANGE_MAX: Final = 10


class Wishes:
    """Makes intents' fields. Each rests on a row of its own, unless it repeats an older wish."""

    def __init__(self, rng: random.Random, aim: Aim) -> None:
        self._rng, self._aim = rng, aim
        self._row = 0
        self._made: list[Fields] = []

    def pair(self) -> tuple[str, str]:
        """A strategy and a symbol that it may trade."""
        strategy_id = self._rng.choice(STRATEGIES)
        return strategy_id, self._rng.choice(NARROW_SYMBOLS if strategy_id == NARROW else tuple(SOUND))

    def fields(self, strategy_id: str, symbol: str, lots: int, money: float, now_ns: int) -> Fields:
        """An intent for ``lots`` (their sign is its side) that asks for ``money``."""
        rng = self._rng
        self._row += 1
        fields: Fields = {
            "schema": "intent.v1",
            "symbol": symbol,
            "side": "flat" if lots == 0 else "long" if lots > 0 else "short",
            "target_notional": money if lots else 0.0,
            "urgency": rng.choice(("low", "medium", "high")),
            "max_slippage_bps": rng.randint(0, 30),
            "explain": rng.choice(("", "because", "weil es so ist: Öl")),
            "intent_id": rng.randbytes(rng.choice((16, 16, 16, 32, 64))).hex(),
            "strategy_id": strategy_id,
            "ts_event_ns": now_ns,
            "basis_source": "sim",
            "basis_seq": self._row,
            "basis_ts_ns": now_ns - rng.randrange(BASIS_AGE_NS // 2),
        }
        if rng.random() < 0.3:
            fields |= {"ts_recv_ns": now_ns, "prompt_hash": "ab" * 16, "req_id": "r1"}
        return fields

    def honest(self, strategy_id: str, symbol: str, price: Decimal, now_ns: int) -> Fields:
        """A move within the limits, as far as that can be told beforehand."""
        rng, held = self._rng, self._aim.held(strategy_id, symbol, now_ns)
        near = [
            lots
            for lots in range(-LOTS_HELD_MAX, LOTS_HELD_MAX + 1)
            if 0 < abs(lots - held) <= LOTS_CHANGE_MAX
        ]
        lots = rng.choice(near) if near else held - (LOTS_CHANGE_MAX if held > 0 else -LOTS_CHANGE_MAX)
        part = Decimal(rng.randrange(50, 950)).scaleb(-3)
        money = numbers.product(self._aim.lot(symbol, price), abs(lots) + part)
        fields = self.fields(strategy_id, symbol, lots, float(money), now_ns)
        if len(self._made) < 4_000:
            self._made.append(fields)
        else:
            self._made[rng.randrange(len(self._made))] = fields
        return fields

    def repeated(self, now_ns: int) -> Fields | None:
        """A wish that was made before, under a new identity, now or long after."""
        if not self._made:
            return None
        rng = self._rng
        old = self._made[-1] if rng.random() < 0.7 else rng.choice(self._made)
        fresh: Fields = {
            "intent_id": rng.randbytes(16).hex(),
            "basis_ts_ns": now_ns,
            "urgency": rng.choice(("low", "high")),
            "max_slippage_bps": rng.randint(0, 30),
        }
        variant: tuple[Fields, ...] = (
            {},
            {},
            {"target_notional": money_near(rng, Decimal(str(old["target_notional"])))},
            {"basis_seq": int(str(old["basis_seq"])) + 10**9},
            {"basis_source": "sim2"},
        )
        return {**old, **fresh, **rng.choice(variant)}

    def at_lot_edge(self, strategy_id: str, symbol: str, price: Decimal, now_ns: int) -> Fields:
        """A target of exactly so many lots, or a hair less or more."""
        lots = self._rng.choice((-3, -2, -1, 1, 2, 3, 5))
        money = money_near(self._rng, numbers.product(self._aim.lot(symbol, price), abs(lots)))
        return self.fields(strategy_id, symbol, lots, money, now_ns)

    def at_order_edge(self, strategy_id: str, symbol: str, price: Decimal, now_ns: int) -> Fields:
        """A change of as many lots as one order may have, or one more or fewer."""
        lot = self._aim.lot(symbol, price)
        most = numbers.whole(self._aim.symbol_rules(symbol).order_max, lot) if lot else 0
        change = self._rng.choice((-1, 1)) * (most + self._rng.choice((-1, 0, 0, 1)))
        return self.at_lots(strategy_id, symbol, change, price, now_ns)

    def at_lots(self, strategy_id: str, symbol: str, change: int, price: Decimal, now_ns: int) -> Fields:
        """The wish whose change is this, if nothing else happens first."""
        lots = self._aim.held(strategy_id, symbol, now_ns) + change
        money = numbers.product(self._aim.lot(symbol, price), abs(lots) + Decimal("0.25"))
        return self.fields(strategy_id, symbol, lots, float(money), now_ns)

    def at_strategy_edge(self, strategy_id: str, symbol: str, now_ns: int) -> Fields:
        """A target as large as the card allows, or a hair off."""
        most = self._aim.target_max(strategy_id)
        side = self._rng.choice((-1, 1))
        return self.fields(strategy_id, symbol, side, money_near(self._rng, most), now_ns)

    def near_flat(self, strategy_id: str, symbol: str, price: Decimal, now_ns: int) -> Fields:
        """A target around what is held: no change, one lot less or more, the other side, or flat."""
        held = self._aim.held(strategy_id, symbol, now_ns)
        lots = self._rng.choice((held, held - 1, held + 1, -held, 0, held // 2))
        return self.at_lots(strategy_id, symbol, lots - held, price, now_ns)

    def with_edge_slippage(self, fields: Fields, symbol: str) -> Fields:
        """Slippage at the collar or at the largest allowed, one off, or the largest there is."""
        limits = self._aim.symbol_rules(symbol)
        edge = self._rng.choice((limits.collar_bps, limits.slippage_bps_max))
        slippage = self._rng.choice((edge - 1, edge, edge, edge + 1, edge + 1, 10_000, edge - 4))
        return {**fields, "max_slippage_bps": max(0, min(10_000, slippage))}

    def with_edge_basis(self, fields: Fields, now_ns: int) -> Fields:
        """A basis exactly as old, or as far ahead, as allowed, or a nanosecond off, or absurd."""
        nudge = self._rng.choice((-1, 0, 1))
        oldest, newest = now_ns - BASIS_AGE_NS + nudge, now_ns + BASIS_AHEAD_NS + nudge
        return {**fields, "basis_ts_ns": self._rng.choice((oldest, oldest, newest, newest, 0, 2**63 - 1))}

    def contradictory(self, fields: Fields) -> Fields:
        """A side and a target that exclude each other; some only once rounded to millionths."""
        nothing = (0.0, -0.0, 5e-324, 4.9e-7, 5e-7)
        something = (1.0, 5.1e-7, 1e12, 6e-7)
        if self._rng.random() < 0.5:
            return {**fields, "side": "flat", "target_notional": self._rng.choice(something)}
        side = self._rng.choice(("long", "short"))
        return {**fields, "side": side, "target_notional": self._rng.choice(nothing)}

    def out_of_place(self, now_ns: int) -> Fields:
        """An intent for something that this strategy cannot trade, or nobody can."""
        rng = self._rng
        places = (
            ("delta", "ES"),
            ("alpha", "NOPE"),
            ("alpha", "GHOST"),
            (NARROW, "SHIB"),
            ("alpha", "NOLIM"),
            ("alpha", "EURO"),
            ("alpha", "SYNTH"),
            ("alpha", "SHUT"),
            ("alpha", "QUIET"),
            ("alpha", "LATE"),
            ("beta", "LATE"),
            ("alpha", "DUST"),
            ("alpha", "HUGE"),
        )
        strategy_id, symbol = rng.choice(places)
        money = rng.choice((1.0, 9.2, 9.223372036854775, 9.3, 100.0, 1e6, 1e12))
        return self.fields(strategy_id, symbol, rng.choice((-1, 1, 0)), money, now_ns)
