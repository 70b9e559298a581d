"""How kernels are compiled: the types of what they take, and decorators that the checker understands.

IEEE arithmetic always (``fastmath`` off), and a division by zero gives infinity or NaN, as numpy's does.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numba.core import types
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

Floats = NDArray[np.float64]
Packed = NDArray[np.uint8]

INT = types.int64
FLOATS = types.Array(types.float64, 1, "C")
PACKED = types.Array(types.uint8, 1, "C", readonly=True)
"""Packed columns as they come off the bus: ``np.frombuffer`` gives read-only arrays, and a kernel compiled
for writable ones would compile again at the first live batch."""

TRADE_BYTES = 25
"""Of one row of packed trades (``contracts.market.TRADE_COLUMNS``)."""


def inlined(function: Function) -> Function:
    """A function that kernels call: compiled into each, for whatever types it is called with."""
    return compiled(function, signature=None, is_cached=False)


def kernel(signature: Any) -> Callable[[Function], Function]:  # Any: numba's types have no type
    """A function compiled for exactly one signature at import, or read from numba's cache on disk."""

    def decorate(function: Function) -> Function:
        return compiled(function, signature=signature, is_cached=True)

    return decorate


def compiled(function: Function, *, signature: Any, is_cached: bool) -> Function:
    """The compiled ``function``; for any types, lazily, where there is no signature."""
    make: Any = njit(signature, cache=is_cached, error_model="numpy")
    return make(function)  # type: ignore[no-any-return]  # a dispatcher, called like the function
