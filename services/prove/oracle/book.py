"""The book: what strategies hold and have open, in lots."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that was neither filled nor has lapsed. Lots are signed."""

    principal: str
    intent_id: str
    strategy_id: str
    symbol: str
    lots: int
    expires_ts_ns: int


class Book:
    """Filled lots, open approvals, and the wishes and fills that were seen."""

    def __init__(self) -> None:
        self.filled: dict[tuple[str, str], int] = {}
        self.open: list[Approval] = []
        self.wishes: set[tuple[object, ...]] = set()
        self.fills: set[str] = set()

    def lapse(self, now_ns: int) -> None:
        """Drop approvals that expire now or did before."""
        if any(each.expires_ts_ns <= now_ns for each in self.open):
            self.open = [each for each in self.open if each.expires_ts_ns > now_ns]

    def held(self, strategy_id: str, symbol: str) -> int:
        """Signed lots that the strategy has, and has open, in the symbol."""
        opened = (each.lots for each in self.open if (each.strategy_id, each.symbol) == (strategy_id, symbol))
        return self.filled.get((strategy_id, symbol), 0) + sum(opened)

    def worst_case(self, symbol: str, change: int) -> int:
        """Lots at the worst on the side of ``change``, which is not 0; never negative."""
        side = 1 if change > 0 else -1
        filled = sum(lots for (_, name), lots in self.filled.items() if name == symbol)
        opened = sum(max(0, side * each.lots) for each in self.open if each.symbol == symbol)
        return max(0, side * filled) + opened + abs(change)

    def fill(self, fill: dict[str, object]) -> None:
        """Take a fill once; it moves the position and shrinks its own approval."""
        fill_id, lots = str(fill["fill_id"]), int(str(fill["lots"]))
        if fill_id in self.fills:
            return
        self.fills.add(fill_id)
        key = (str(fill["strategy_id"]), str(fill["symbol"]))
        self.filled[key] = self.filled.get(key, 0) + lots
        wanted = (fill["principal"], fill["intent_id"], *key)
        shrunk = [_shrunk(each, lots) if _identity(each) == wanted else each for each in self.open]
        self.open = [each for each in shrunk if each.lots]


def _identity(approval: Approval) -> tuple[str, str, str, str]:
    return approval.principal, approval.intent_id, approval.strategy_id, approval.symbol


def _shrunk(approval: Approval, lots: int) -> Approval:
    if (lots > 0) != (approval.lots > 0):
        return approval  # a fill of the other side is not what was approved
    left = max(0, abs(approval.lots) - abs(lots))
    return replace(approval, lots=left if approval.lots > 0 else -left)
