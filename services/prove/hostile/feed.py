"""The market that an adversary shows the gate: prices that walk, stand, come late or not at all."""

import random

from contracts.gate import MarkChange, SessionChange
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from services.prove.hostile.world import SOUND, TRADED

START_NS = 1_700_000_000 * SECOND_NS
_FAR_NS = 2**62
_SHUT = SessionChange("SHUT", 0, 1)


class Feed:
    """Event time and marks. Time never decreases; a mark is never ahead of it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.now_ns = START_NS
        self._prices = {symbol: each.price_micro for symbol, each in TRADED.items()}
        self._row = 0

    def step(self) -> int:
        """A little later, or at the same time."""
        rng = self._rng
        if rng.random() < 0.8:
            self.now_ns += int(rng.expovariate(1 / (5 * MILLISECOND_NS)))
        return self.now_ns

    def jump(self, to_ns: int) -> int:
        """To a moment, unless it has passed."""
        self.now_ns = max(self.now_ns, to_ns)
        return self.now_ns

    def marks(self, *, without: str = "") -> tuple[MarkChange, ...]:
        """A few changed marks, none of ``without``."""
        count = self._rng.choice((0, 1, 1, 2))
        chosen = self._rng.sample(tuple(SOUND), count)
        if self._rng.random() < 0.02:
            chosen += self._rng.sample(("DUST", "HUGE", "EURO", "SYNTH", "NOLIM", "SHUT", "LATE"), 1)
        return tuple(self._mark(symbol) for symbol in chosen if symbol != without)

    def all_marks(self) -> tuple[MarkChange, ...]:
        """Every symbol's mark but that of the one that has none."""
        return tuple(self._mark(symbol) for symbol in TRADED if symbol != "QUIET")

    def worthless(self, symbol: str) -> MarkChange:
        """A mark whose price is below the grid."""
        return MarkChange(symbol, 0, self.now_ns, "sim", self._next_row())

    def sessions(self) -> tuple[SessionChange, ...]:
        """Every symbol's session: one is shut, the others never close."""
        return (*(SessionChange(each, 0, _FAR_NS) for each in TRADED if each != "SHUT"), _SHUT)

    def session_edge(self, symbol: str) -> SessionChange:
        """A session that begins or ends within a nanosecond of now."""
        now, rng = self.now_ns, self._rng
        edges = ((now, now + 1), (now + 1, _FAR_NS), (0, now), (0, now + 1), (now, now), (now + 1, now))
        return SessionChange(symbol, *rng.choice(edges))

    def always_open(self, symbol: str) -> SessionChange:
        """The session that the symbol began with."""
        return SessionChange(symbol, 0, _FAR_NS)

    def _mark(self, symbol: str) -> MarkChange:
        rng, traded = self._rng, TRADED[symbol]
        moved = self._prices[symbol] + rng.choice((-1, 0, 0, 1)) * traded.step_micro
        # Within 12 bps of the first price, or a step of it: the collar of 50 bps stays in sight.
        reach = max(traded.step_micro, traded.price_micro * 12 // 10_000)
        if abs(moved - traded.price_micro) <= reach:
            self._prices[symbol] = moved
        age = rng.choice((0, 0, 0, rng.randrange(2 * MILLISECOND_NS), rng.randrange(60 * MILLISECOND_NS)))
        return MarkChange(symbol, self._prices[symbol], self.now_ns - age, "sim", self._next_row())

    def _next_row(self) -> int:
        self._row += 1
        return self._row
