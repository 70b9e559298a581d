"""What a benchmark case reports."""

from collections.abc import Callable

from msgspec import Struct


class BenchResult(Struct, frozen=True, kw_only=True):
    """One case: our median beside that of a reference measured in the same run.

    Attributes:
        value, reference_value: Medians, in ``unit``.
        reference: What it is compared with, in words.
        ratio: How many times better than the reference; more is better whatever the unit.
        runs: Repetitions of each, interleaved.
        detail: Further figures by name; milliseconds where a distribution was measured.
    """

    bench: str
    case: str
    value: float
    unit: str
    reference: str
    reference_value: float
    ratio: float
    runs: int
    detail: dict[str, float]


Case = Callable[[int], BenchResult]
"""A benchmark case: repetitions in, result out. Each bench module has ``CASES`` by name."""
