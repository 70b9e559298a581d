"""What a feature is: one number a tick, computed only from that tick and the past."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.scalars import FeatureSet
from streams.kernels import Floats


class Trades(NamedTuple):
    """The columns of n >= 1 new trades, shape (n,), oldest first, read-only.

    Times never go back, prices are finite and above 0, sizes finite and at least 0, ``aggressor`` is
    1, -1 or 0: the intake has checked.
    """

    ts_event_ns: NDArray[np.int64]
    price: Floats
    size: Floats
    aggressor: NDArray[np.int8]


Update = Callable[[Floats, Trades, Floats], None]
"""``update(state, trades, out)``: one call handles all the new trades of one symbol.

``state`` is the feature's own ``state_size`` numbers, all 0.0 before the first trade and kept between
calls; ``out`` takes n values. Where trades are split into calls must not change a bit of ``out``: carry
everything in ``state``, and sum in the order of the trades.
"""

NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature: everything about it is in the one file that makes it.

    Attributes:
        name: Column name in a ``FeatureBatch``.
        unit: Of its values, in words.
        formula: What it computes, for people.
        source: Where the formula comes from.
        parameters: The constants in the formula, by name.
        warm_up: Rows whose value is not valid because the feature has not seen enough.
        state_size: float64 numbers that it keeps for each symbol.
        update: Its kernel, marked ``streams.kernels.inlined``.
        sets: The feature sets that hold it.
    """

    name: str
    unit: str
    formula: str
    source: str
    parameters: Mapping[str, float]
    warm_up: int
    state_size: int
    update: Update
    sets: tuple[FeatureSet, ...] = ("core",)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise FeatureInvalid(self.name, "name", self.name, NAME.pattern)
        if self.warm_up < 0 or self.state_size < 1:
            found = f"{self.warm_up} and {self.state_size}"
            raise FeatureInvalid(self.name, "warm_up and state_size", found, "at least 0 and 1")


class FeatureInvalid(ValueError):
    """A feature's file does not say what it must.

    Attributes:
        feature: Its name, or the module where the name is missing.
        field: What is wrong.
        found, expected: Its value, and what would work.
    """

    def __init__(self, feature: str, field: str, found: object, expected: str) -> None:
        self.feature, self.field, self.found, self.expected = feature, field, found, expected
        super().__init__(
            f"feature {feature}: {field} is {found}; expected {expected} (streams/features/library)"
        )
