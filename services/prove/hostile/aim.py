"""Aim: where the limits are right now, in the oracle's own numbers."""

import math
import random
from collections.abc import Sequence
from decimal import Decimal

from contracts import codec
from contracts.gate import MarkChange
from services.prove.hostile.world import configuration
from services.prove.oracle import Oracle, numbers
from services.prove.oracle.rules import Rules, SymbolRules


class Aim:
    """Reads an oracle; changes nothing."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._first = Rules.read(codec.encode(configuration()))

    def symbol_rules(self, symbol: str) -> SymbolRules:
        """The symbol's limits in force, or those it had at first."""
        rules = self._oracle.rules
        return (rules.symbols.get(symbol) if rules else None) or self._first.symbols[symbol]

    def target_max(self, strategy_id: str) -> Decimal:
        """The largest target of the strategy's card in force, or of its first one."""
        rules = self._oracle.rules
        card = rules.cards.get(strategy_id) if rules else None
        return (card or self._first.cards[strategy_id]).target_max

    def price(self, symbol: str, marks: Sequence[MarkChange] = ()) -> Decimal:
        """The price that a record with ``marks`` will be judged at; 0 where there is none."""
        for change in reversed(marks):
            if change.symbol == symbol:
                return numbers.from_micro(change.price_micro)
        mark = self._oracle.market.mark(symbol)
        return mark.price if mark else Decimal(0)

    def lot(self, symbol: str, price: Decimal) -> Decimal:
        """The money of one lot."""
        return numbers.product(price, self._first.lot_worth[symbol])

    def held(self, strategy_id: str, symbol: str, now_ns: int) -> int:
        """What the strategy will hold and have open at ``now_ns``."""
        opened = (
            each.lots
            for each in self._oracle.book.open
            if (each.strategy_id, each.symbol) == (strategy_id, symbol) and each.expires_ts_ns > now_ns
        )
        return self._oracle.book.filled.get((strategy_id, symbol), 0) + sum(opened)

    def worst(self, symbol: str, side: int, now_ns: int) -> int:
        """Lots at the worst on one side at ``now_ns``, before any change."""
        book = self._oracle.book
        filled = sum(lots for (_, name), lots in book.filled.items() if name == symbol)
        opened = (
            max(0, side * each.lots)
            for each in book.open
            if each.symbol == symbol and each.expires_ts_ns > now_ns
        )
        return max(0, side * filled) + sum(opened)

    def expiries(self, now_ns: int) -> list[int]:
        """When open approvals will lapse, soonest first."""
        return sorted({each.expires_ts_ns for each in self._oracle.book.open if each.expires_ts_ns > now_ns})

    def breaker_edges(self, now_ns: int) -> list[int]:
        """When breakers let probes through, or their faults stop to count."""
        rules = self._oracle.rules
        edges = []
        for (name, _), breaker in self._oracle.breakers.all.items():
            rule = rules.breakers[name] if rules else None
            if rule and breaker.state == "OPEN":
                edges.append(breaker.opened_ns + rule.cooldown_ns)
            elif rule and breaker.faults:
                edges.append(breaker.faults[0] + rule.window_ns)
        return [edge for edge in edges if edge - 1 > now_ns]


def money_near(rng: random.Random, money: Decimal) -> float:
    """A float just below, on, or just above the money."""
    exact = float(money)
    near = (
        exact,
        exact,
        math.nextafter(exact, 0.0),
        math.nextafter(exact, math.inf),
        float(numbers.EXACT.subtract(money, numbers.MILLIONTH)),
        float(numbers.EXACT.add(money, numbers.MILLIONTH)),
        float(numbers.EXACT.add(money, Decimal("5e-7"))),
    )
    return min(1e12, max(0.0, rng.choice(near)))
