"""What can be wrong with a source of market data."""


class SourceInvalid(ValueError):
    """A file or an option of a source cannot be used.

    Attributes:
        origin: The file, or the option's name.
        where: Column, line or setting inside it; empty where the whole is meant.
        found: What is there.
        expected: What would work.
    """

    def __init__(self, origin: str, where: str, found: str, expected: str) -> None:
        self.origin, self.where, self.found, self.expected = origin, where, found, expected
        place = f"{origin}: {where}" if where else origin
        super().__init__(f"{place} is {found}; expected {expected}")
