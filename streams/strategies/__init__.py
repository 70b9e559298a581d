"""Rule strategies. A module here with a ``RULE`` is found by itself; its card deploys it."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable

from contracts.limits import StrategyCard
from streams.strategies.strategy import Row, Rule, RuleStrategy, Strategy, Wish

__all__ = ["STRATEGIES", "Row", "Rule", "RuleStrategy", "Strategy", "Wish", "build"]


def _found() -> dict[str, Callable[[], Rule]]:
    rules: dict[str, Callable[[], Rule]] = {}
    for module in sorted(entry.name for entry in pkgutil.iter_modules(__path__)):
        rule = getattr(importlib.import_module(f"{__name__}.{module}"), "RULE", None)
        if rule is None:
            continue
        if rule.strategy_id in rules:
            raise ValueError(f"strategy {rule.strategy_id!r} is in two modules of {__name__}; expected one")
        rules[rule.strategy_id] = rule
    return rules


STRATEGIES = _found()
"""Strategy id to rule, for every module of this package that has one."""


def build(cards: Iterable[StrategyCard]) -> list[Strategy]:
    """A fresh strategy for each card that names a rule of ours, in the cards' order.

    Other cards belong to other principals: they are left alone.
    """
    ours = (card for card in cards if card.strategy_id in STRATEGIES)
    return [RuleStrategy(STRATEGIES[card.strategy_id](), card) for card in ours]
