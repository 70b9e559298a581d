"""What the gate knows of the market: marks, collar references and sessions, from its records."""

from bisect import insort
from collections import deque
from collections.abc import Iterable

from msgspec import Struct

from contracts.gate import MarkChange, SessionChange
from risk.gate.amounts import divided_half_even


class CollarMark(Struct, frozen=True, array_like=True, order=True):
    """A journaled mark that the collar's reference may count."""

    ts_event_ns: int
    price_micro: int


class Collar:
    """The marks of one symbol in the collar's window, and their mean.

    The newest journaled mark always counts, however old; the others until they leave the window.
    Marks need not come in the order of their event times.
    """

    def __init__(self, newest: CollarMark, others: Iterable[CollarMark] = ()) -> None:
        self.newest = newest
        self._others = deque(sorted(others))  # always sorted, so that the oldest leave first
        self._sum = sum(mark.price_micro for mark in self._others)

    def add(self, mark: CollarMark) -> None:
        """Take in the newest mark."""
        others, previous = self._others, self.newest
        self._sum += previous.price_micro
        self.newest = mark
        if others and previous < others[-1]:
            insort(others, previous)
        else:
            others.append(previous)

    def settle(self, cutoff_ns: int) -> None:
        """Drop the marks, but for the newest, whose event time is not after the cutoff."""
        others = self._others
        while others and others[0].ts_event_ns <= cutoff_ns:
            self._sum -= others.popleft().price_micro

    def reference_micro(self) -> int:
        """The mean price of the marks held, rounded half to even."""
        return divided_half_even(self._sum + self.newest.price_micro, len(self._others) + 1)

    def others(self) -> list[CollarMark]:
        """The marks held but for the newest, sorted."""
        return list(self._others)


class Market:
    """Marks, collars and sessions by symbol.

    Collars are settled when they are touched and before the window changes, so the window of
    the record before is an argument wherever it counts.
    """

    def __init__(self) -> None:
        self.marks: dict[str, MarkChange] = {}
        self.collars: dict[str, Collar] = {}
        self.sessions: dict[str, SessionChange] = {}

    def take_mark(self, change: MarkChange, cutoff_ns: int) -> None:
        """Take in a symbol's newest row. A price of 0 takes its mark away: no decision rests on it."""
        symbol = change.symbol
        if change.price_micro == 0:
            self.marks.pop(symbol, None)
            return
        self.marks[symbol] = change
        mark = CollarMark(change.ts_event_ns, change.price_micro)
        collar = self.collars.get(symbol)
        if collar is None:
            self.collars[symbol] = Collar(mark)
        else:
            collar.add(mark)
            collar.settle(cutoff_ns)

    def reference_micro(self, symbol: str, cutoff_ns: int) -> int:
        """The collar's reference of a symbol that has a mark; above 0."""
        collar = self.collars[symbol]
        collar.settle(cutoff_ns)
        return collar.reference_micro()

    def settle(self, cutoff_ns: int) -> None:
        """Drop every collar mark that left the window."""
        for collar in self.collars.values():
            collar.settle(cutoff_ns)

    def is_open(self, symbol: str, gate_ts_ns: int) -> bool:
        """Whether gate time lies inside the symbol's session."""
        session = self.sessions.get(symbol)
        return session is not None and session.open_ns <= gate_ts_ns < session.close_ns
