"""Approvals that are still open: lots that may yet be filled, until they lapse."""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

Key = TypeVar("Key")


class Approval(Struct, frozen=True, array_like=True, order=True):
    """What is left of one approved intent.

    Attributes:
        principal, intent_id: Which intent; approved at most once, for ever.
        lots: Signed, never 0: what may still be filled.
        expires_ts_ns: Lapses as soon as gate time reaches it.
    """

    principal: str
    intent_id: str
    strategy_id: str
    symbol: str
    lots: int
    expires_ts_ns: int


class Approvals:
    """Open approvals, with the sums that a decision needs kept beside them."""

    def __init__(self, approvals: Iterable[Approval] = ()) -> None:
        self._open: dict[tuple[str, str], Approval] = {}
        self._expiries: list[tuple[int, tuple[str, str]]] = []
        self._net: dict[tuple[str, str], int] = {}
        self._long: dict[str, int] = {}
        self._short: dict[str, int] = {}
        for approval in approvals:
            self.open(approval)

    def open(self, approval: Approval) -> None:
        """Keep a new approval. Its identity must not be known."""
        identity = approval.principal, approval.intent_id
        self._open[identity] = approval
        heappush(self._expiries, (approval.expires_ts_ns, identity))
        self._count(approval, approval.lots)

    def lapse(self, gate_ts_ns: int) -> None:
        """Forget every approval whose time has come."""
        while self._expiries and self._expiries[0][0] <= gate_ts_ns:
            approval = self._open.pop(heappop(self._expiries)[1], None)
            if approval is not None:  # else filled before it lapsed
                self._count(approval, -approval.lots)

    def fill(self, principal: str, intent_id: str, strategy_id: str, symbol: str, lots: int) -> None:
        """Take a fill from its approval, never beyond zero.

        A fill of another strategy, symbol or direction than was approved takes nothing: what may
        still be filled is then counted too high rather than too low.
        """
        identity = principal, intent_id
        approval = self._open.get(identity)
        if approval is None or (approval.strategy_id, approval.symbol) != (strategy_id, symbol):
            return
        taken = min(lots, approval.lots) if approval.lots > 0 else max(lots, approval.lots)
        if (taken > 0) != (approval.lots > 0) or not taken:
            return
        if taken == approval.lots:
            del self._open[identity]
        else:
            self._open[identity] = replace(approval, lots=approval.lots - taken)
        self._count(approval, -taken)

    def net(self, mine: tuple[str, str]) -> int:
        """The sum of one strategy's open lots in one symbol, signed."""
        return self._net.get(mine, 0)

    def long_in(self, symbol: str) -> int:
        """Open lots that would buy the symbol, over all strategies; not negative."""
        return self._long.get(symbol, 0)

    def short_in(self, symbol: str) -> int:
        """Open lots that would sell the symbol, over all strategies; not negative."""
        return self._short.get(symbol, 0)

    def approvals(self) -> list[Approval]:
        """Everything open, sorted by identity."""
        return sorted(self._open.values())

    def disagreements(self) -> list[str]:
        """The symbols whose kept sums are not the sums. Empty, or the book is broken."""
        fresh = Approvals(self._open.values())
        wrong = {symbol for (_, symbol) in _unequal(self._net, fresh._net)}
        wrong.update(_unequal(self._long, fresh._long), _unequal(self._short, fresh._short))
        return sorted(wrong)

    def _count(self, approval: Approval, lots: int) -> None:
        # ``lots`` has the approval's sign when it opens, the other when it shrinks.
        key = approval.strategy_id, approval.symbol
        self._net[key] = self._net.get(key, 0) + lots
        if approval.lots > 0:
            self._long[approval.symbol] = self._long.get(approval.symbol, 0) + lots
        else:
            self._short[approval.symbol] = self._short.get(approval.symbol, 0) - lots


def _unequal(left: dict[Key, int], right: dict[Key, int]) -> list[Key]:
    return [key for key in left.keys() | right.keys() if left.get(key, 0) != right.get(key, 0)]
