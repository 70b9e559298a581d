"""A proof: what every ``penstock prove NAME`` hands back."""

from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

Size = Literal["S", "L"]
"""S fits CI; L is for releases."""

Report = Callable[[str], None]
"""Takes one line of progress, without a newline."""

Detail = dict[str, int | float | str]


class ProofResult(Struct, frozen=True, kw_only=True):
    """What a proof found.

    Attributes:
        figure: The one line that says it: counts where it holds, the first difference where not.
        detail: The numbers behind the figure.
    """

    proof: str
    size: Size
    seed: int
    passed: bool
    figure: str
    detail: Detail


class Proof(Protocol):
    """What a proof's module offers."""

    SUMMARY: str
    """What it will try, in a sentence or two."""

    def prove(self, size: Size, seed: int, report: Report) -> ProofResult:
        """Try it. The same size and seed try the same things."""
        ...
