"""Packing of columns: numpy arrays to one bytes object and back.

The only module of ``contracts`` that needs numpy; ``risk`` does not import it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.features import FIXED_COLUMNS, FeatureBatch, FeatureRow
from contracts.market import COLUMNS_OF_KIND, Quote, TickBatch, Trade

Layout = Sequence[tuple[str, str]]
Columns = dict[str, NDArray[np.generic]]


class ColumnsInvalid(ValueError):
    """Packed columns do not have the length that their header promises.

    Attributes:
        found: Bytes that came.
        expected: Bytes that ``count`` rows of the layout take.
    """

    def __init__(self, found: int, expected: int, count: int) -> None:
        self.found, self.expected, self.count = found, expected, count
        super().__init__(f"columns hold {found} bytes, expected {expected} for {count} rows")


def row_dtype(layout: Layout) -> np.dtype[np.void]:
    """The packed row of a layout: what a hash covers, so that batch boundaries have no say."""
    return np.dtype([(name, kind) for name, kind in layout])


def pack(layout: Layout, columns: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Columns of equal length to bytes, each contiguous, in the order of ``layout``."""
    return b"".join(np.ascontiguousarray(columns[name], dtype=kind).tobytes() for name, kind in layout)


def unpack(layout: Layout, count: int, packed: bytes) -> Columns:
    """Bytes to read-only, contiguous columns of ``count`` rows that share the bytes' memory.

    Raises:
        ColumnsInvalid: the length is not that of ``count`` rows.
    """
    expected = count * sum(np.dtype(kind).itemsize for _, kind in layout)
    if len(packed) != expected:
        raise ColumnsInvalid(len(packed), expected, count)
    columns: Columns = {}
    offset = 0
    for name, kind in layout:
        columns[name] = np.frombuffer(packed, dtype=kind, count=count, offset=offset)
        offset += count * columns[name].itemsize
    return columns


def packed_rows(layout: Layout, columns: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The same columns row by row, little-endian and without padding: the hash view of ticks."""
    first = columns[layout[0][0]]
    rows = np.empty(len(first), dtype=row_dtype(layout))
    for name, _ in layout:
        rows[name] = columns[name]
    return rows.tobytes()


def feature_layout(names: Sequence[str]) -> list[tuple[str, str]]:
    """The layout of a feature batch with these feature names."""
    return [*FIXED_COLUMNS, *((name, "<f8") for name in names)]


def tick_columns(batch: TickBatch) -> Columns:
    """The columns of a tick batch. Raises ``ColumnsInvalid``."""
    return unpack(COLUMNS_OF_KIND[batch.kind], batch.count, batch.columns)


def feature_columns(batch: FeatureBatch) -> Columns:
    """The columns of a feature batch. Raises ``ColumnsInvalid``."""
    return unpack(feature_layout(batch.names), batch.count, batch.columns)


def ticks(batch: TickBatch) -> list[Trade] | list[Quote]:
    """The rows of a batch as messages: for people and tests, not for the hot path."""
    lists = {name: column.tolist() for name, column in tick_columns(batch).items()}
    row_type = Trade if batch.kind == "trade" else Quote
    return [
        row_type(
            venue=batch.venue,
            symbol=batch.symbol,
            seq=batch.first_seq + index,
            **{name: values[index] for name, values in lists.items()},
        )
        for index in range(batch.count)
    ]  # type: ignore[return-value]  # one kind a batch, which the checker cannot see


def feature_rows(batch: FeatureBatch) -> list[FeatureRow]:
    """The rows of a feature batch as messages: for people and tests, not for the hot path."""
    lists = {name: column.tolist() for name, column in feature_columns(batch).items()}
    return [
        FeatureRow(
            set=batch.set,
            venue=batch.venue,
            symbol=batch.symbol,
            seq=lists["seq"][row],
            ts_event_ns=lists["ts_event_ns"][row],
            price=lists["price"][row],
            values={
                name: lists[name][row] if lists["valid"][row] >> bit & 1 else None
                for bit, name in enumerate(batch.names)
            },
        )
        for row in range(batch.count)
    ]
