"""The proofs by name. A proof's module is imported when it is asked for, and not before."""

from importlib import import_module
from importlib.util import find_spec
from typing import Final, cast

from services.prove.proof import Proof

MODULES: Final = {
    "gate": "services.prove.gate",
    "kill": "services.prove.kill",
    "replay": "services.prove.replay",
    "stream-equals-batch": "services.prove.stream_equals_batch",
    "unsayable": "services.prove.unsayable",
}


class ProofMissing(LookupError):
    """There is no such proof, or its module is not installed.

    Attributes:
        found: The name that was asked for.
        expected: The names that would work.
    """

    def __init__(self, found: str, expected: tuple[str, ...]) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"proof is {found!r}; expected one of {', '.join(expected)}")


def names() -> tuple[str, ...]:
    """The proofs that are installed."""
    return tuple(name for name, module in MODULES.items() if find_spec(module) is not None)


def load(name: str) -> Proof:
    """The proof of this name. Raises ProofMissing."""
    if name not in names():
        raise ProofMissing(name, names())
    return cast("Proof", import_module(MODULES[name]))
