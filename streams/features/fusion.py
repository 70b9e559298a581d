"""Fusion: the kernels of a set composed into one compiled call.

A call into compiled code costs a microsecond whatever it does, so a batch of 64 rows is handed over
once, not once a feature. The composing function is written as Python text, because numba can keep
compiled code on disk for a function in a file but not for a closure, and because its file name
can then hold a digest of every feature's source: a changed kernel is never served from the cache.
"""

import inspect
import os
import sys
import types
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from contracts.features import FIXED_COLUMNS
from streams.features.feature import Feature, Trades
from streams.kernels import FLOATS, INT, PACKED, TRADE_BYTES, Floats, Packed, compiled, inlined

Fused = Callable[[Packed, int, Floats, Floats], int]
"""``fused(packed, first_seq, state, out) -> non_finite``.

Takes the packed columns of n >= 1 trades, checked by the intake, and the set's state for that symbol
(``state_size``); writes the columns of a feature batch to ``out``, float64 of shape
((4 + features) * n,), and returns how many values after the warm-up were not finite.
"""

SIGNATURE = INT(PACKED, INT, FLOATS, FLOATS)
COLUMNS_BEFORE = len(FIXED_COLUMNS)
ROWS_SEEN = 1
"""Numbers of the state before the features' own: how many rows have been seen."""


def state_size(features: Sequence[Feature]) -> int:
    """float64 numbers that the set keeps for each symbol; all 0.0 at the start."""
    return ROWS_SEEN + sum(feature.state_size for feature in features)


def fuse(features: Sequence[Feature], set_name: str) -> Fused:
    """One compiled function for all the features, from the cache on disk where it is there.

    The cache is ``NUMBA_CACHE_DIR``, else ``penstock/kernels`` in the user's cache folder; where
    neither can be written it compiles in memory.
    """
    text = _source(features)
    path = _cache_file(features, set_name, text)
    module = types.ModuleType(f"{__name__}_{set_name}")
    sys.modules[module.__name__] = module  # numba looks the function's module up by name
    module.__dict__.update({f"update_{index}": feature.update for index, feature in enumerate(features)})
    module.__dict__.update(begin=begin, settle=settle)
    exec(compile(text, str(path or "<fused>"), "exec"), module.__dict__)  # noqa: S102  # text that we made above
    function: Fused = module.__dict__["fused"]
    return compiled(function, signature=SIGNATURE, is_cached=path is not None)


def _source(features: Sequence[Feature]) -> str:
    lines = [
        "def fused(packed, first_seq, state, out):",
        "    trades, valid, seen = begin(packed, first_seq, state, out)",
        "    count = len(valid)",
        "    non_finite = 0",
    ]
    start = ROWS_SEEN
    for index, feature in enumerate(features):
        stop = start + feature.state_size
        column = COLUMNS_BEFORE + index
        lines += [
            f"    values = out[{column} * count : {column + 1} * count]",
            f"    update_{index}(state[{start}:{stop}], trades, values)",
            f"    non_finite += settle(values, valid, {index}, {feature.warm_up} - seen)",
        ]
        start = stop
    return "\n".join([*lines, "    return non_finite", ""])


@inlined
def begin(
    packed: Packed, first_seq: int, state: Floats, out: Floats
) -> tuple[Trades, NDArray[np.uint64], int]:
    """Split the packed columns, write the leading columns of the output, and count the rows."""
    count = packed.size // TRADE_BYTES
    trades = Trades(
        packed[: 8 * count].view(np.int64),
        packed[8 * count : 16 * count].view(np.float64),
        packed[16 * count : 24 * count].view(np.float64),
        packed[24 * count :].view(np.int8),
    )
    seqs = out[:count].view(np.int64)
    times = out[count : 2 * count].view(np.int64)
    valid = out[3 * count : 4 * count].view(np.uint64)
    for row in range(count):
        seqs[row] = first_seq + row
        times[row] = trades.ts_event_ns[row]
        out[2 * count + row] = trades.price[row]
        valid[row] = 0
    seen = int(state[0])
    state[0] += count
    return trades, valid, seen


@inlined
def settle(values: Floats, valid: NDArray[np.uint64], bit: int, cold_rows: int) -> int:
    """Set a feature's bit where its value may be used, and its value to 0.0 where not."""
    non_finite = 0
    mask = np.uint64(1) << np.uint64(bit)
    cold = min(max(cold_rows, 0), len(values))
    values[:cold] = 0.0
    for row in range(cold, len(values)):
        is_finite = np.isfinite(values[row])
        valid[row] |= mask if is_finite else np.uint64(0)
        values[row] = values[row] if is_finite else 0.0
        non_finite += 0 if is_finite else 1
    return non_finite


def _cache_file(features: Sequence[Feature], set_name: str, text: str) -> Path | None:
    """A file that holds ``text``, named by all that goes into it; None where none can be kept."""
    digest = blake2b(f"{text}{numba.__version__}{np.__version__}".encode(), digest_size=8)
    own = Path(__file__).parent
    kernels = [Path(inspect.getfile(sys.modules[feature.update.__module__])) for feature in features]
    for source in (own.parent / "kernels.py", *sorted(own.glob("*.py")), *kernels):
        digest.update(source.read_bytes())
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(chosen) if chosen else home / "penstock" / "kernels"
    path = folder / f"fused_{set_name}_{digest.hexdigest()}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_text(text, encoding="utf-8")
            os.utime(draft, (0, 0))  # numba compares the time of the source: the same text, the same time
            draft.replace(path)
    except OSError:
        return None
    return path
