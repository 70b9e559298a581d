"""The market as records told it: marks, sessions, and the collar's reference."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from contracts.gate import MarkChange, SessionChange
from services.prove.oracle import numbers


@dataclass(frozen=True, slots=True)
class Mark:
    """A price in whole units, and when it was."""

    price: Decimal
    ts_event_ns: int


class Market:
    """Marks, sessions and collar marks of every symbol."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._collar: dict[str, list[Mark]] = {}
        self._sessions: dict[str, tuple[int, int]] = {}

    def take_in(self, marks: Iterable[MarkChange], sessions: Iterable[SessionChange]) -> None:
        """What one record changed."""
        for change in marks:
            mark = Mark(numbers.from_micro(change.price_micro), change.ts_event_ns)
            self._marks[change.symbol] = mark
            if mark.price > 0:
                self._collar.setdefault(change.symbol, []).append(mark)
        for session in sessions:
            self._sessions[session.symbol] = (session.open_ns, session.close_ns)

    def mark(self, symbol: str) -> Mark | None:
        """The last mark; one without a price is none."""
        mark = self._marks.get(symbol)
        return mark if mark is not None and mark.price > 0 else None

    def is_open(self, symbol: str, now_ns: int) -> bool:
        """Whether gate time is in the symbol's session."""
        open_ns, close_ns = self._sessions.get(symbol, (0, 0))
        return open_ns <= now_ns < close_ns

    def session(self, symbol: str) -> tuple[int, int]:
        """When it opens and closes; (0, 0) where nobody said."""
        return self._sessions.get(symbol, (0, 0))

    def forget_collar_before(self, oldest_ns: int, symbols: Iterable[str] | None = None) -> None:
        """Drop collar marks at ``oldest_ns`` or before it, but for each symbol's newest."""
        for symbol in list(self._collar) if symbols is None else symbols:
            marks = self._collar.get(symbol, [])
            self._collar[symbol] = [
                mark for mark in marks if mark.ts_event_ns > oldest_ns or mark is self._marks[symbol]
            ]

    def reference(self, symbol: str, oldest_ns: int) -> Decimal:
        """The mean of the collar marks; the symbol has a mark."""
        self.forget_collar_before(oldest_ns, [symbol])
        return numbers.mean([mark.price for mark in self._collar[symbol]])
