"""Positions: filled lots of each strategy in each symbol, moved by fills and by nothing else."""

from collections.abc import Iterable

Holding = tuple[str, str, int]
"""Strategy, symbol, lots; positive is long."""


class Positions:
    """Signed filled lots. The sum over strategies of each symbol is kept beside them."""

    def __init__(self, holdings: Iterable[Holding] = ()) -> None:
        self._lots: dict[tuple[str, str], int] = {}
        self._lots_of_symbol: dict[str, int] = {}
        for strategy_id, symbol, lots in holdings:
            self.fill(strategy_id, symbol, lots)

    def fill(self, strategy_id: str, symbol: str, lots: int) -> None:
        """Change what a strategy holds by ``lots``, signed."""
        key = strategy_id, symbol
        self._lots[key] = self._lots.get(key, 0) + lots
        self._lots_of_symbol[symbol] = self._lots_of_symbol.get(symbol, 0) + lots

    def held(self, mine: tuple[str, str]) -> int:
        """What one strategy holds in one symbol."""
        return self._lots.get(mine, 0)

    def held_in(self, symbol: str) -> int:
        """What all strategies together hold in one symbol: their lots net out."""
        return self._lots_of_symbol.get(symbol, 0)

    def holdings(self) -> list[Holding]:
        """Everything that is not flat, sorted."""
        return sorted((*key, lots) for key, lots in self._lots.items() if lots)

    def disagreements(self) -> list[str]:
        """The symbols whose kept sum is not the sum. Empty, or the book is broken."""
        sums: dict[str, int] = {}
        for (_, symbol), lots in self._lots.items():
            sums[symbol] = sums.get(symbol, 0) + lots
        return sorted(
            symbol
            for symbol in sums.keys() | self._lots_of_symbol.keys()
            if sums.get(symbol, 0) != self._lots_of_symbol.get(symbol, 0)
        )
