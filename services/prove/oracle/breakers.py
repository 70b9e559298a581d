"""The circuit breakers, from the table in the gate's README."""

from dataclasses import dataclass, field

from services.prove.oracle.rules import BreakerRules

Key = tuple[str, str]
"""A breaker's name and what it guards: a principal or a symbol."""


@dataclass(slots=True)
class Breaker:
    """One breaker. Times are gate times."""

    state: str = "CLOSED"
    faults: list[int] = field(default_factory=list)
    opened_ns: int = 0
    successes: int = 0


class Breakers:
    """Every breaker that anything has happened to."""

    def __init__(self) -> None:
        self.all: dict[Key, Breaker] = {}

    def is_open(self, key: Key) -> bool:
        """Whether it stops everything."""
        return key in self.all and self.all[key].state == "OPEN"

    def cool(self, rules: dict[str, BreakerRules], now_ns: int) -> None:
        """OPEN breakers whose cooldown has elapsed let probes through."""
        for (name, _), breaker in self.all.items():
            if breaker.state == "OPEN" and now_ns - breaker.opened_ns >= rules[name].cooldown_ns:
                breaker.state, breaker.successes = "HALF_OPEN", 0

    def forget(self, rules: dict[str, BreakerRules], now_ns: int) -> None:
        """Drop the faults that no longer count: a longer window does not bring them back."""
        for (name, _), breaker in self.all.items():
            breaker.faults = _counting(breaker.faults, rules[name], now_ns)

    def fault(self, key: Key, rules: dict[str, BreakerRules], now_ns: int) -> None:
        """Something went wrong with what the breaker guards."""
        breaker, rule = self.all.setdefault(key, Breaker()), rules[key[0]]
        if breaker.state == "OPEN":
            return
        breaker.faults = [*_counting(breaker.faults, rule, now_ns), now_ns]
        if breaker.state == "HALF_OPEN" or len(breaker.faults) >= rule.faults_to_open:
            breaker.state, breaker.opened_ns = "OPEN", now_ns

    def success(self, key: Key, rules: dict[str, BreakerRules]) -> None:
        """A probe came through; only a HALF_OPEN breaker cares."""
        breaker = self.all.get(key)
        if breaker is None or breaker.state != "HALF_OPEN":
            return
        breaker.successes += 1
        if breaker.successes >= rules[key[0]].probes_to_close:
            self.all[key] = Breaker()


def _counting(faults: list[int], rule: BreakerRules, now_ns: int) -> list[int]:
    return [each for each in faults if now_ns - each < rule.window_ns]
