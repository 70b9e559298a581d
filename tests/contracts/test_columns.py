"""Columns: packed, unpacked, and hashed row by row so that batch boundaries have no say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from contracts.columns import (
    ColumnsInvalid,
    feature_columns,
    feature_layout,
    feature_rows,
    pack,
    packed_rows,
    row_dtype,
    tick_columns,
    ticks,
    unpack,
)
from contracts.features import FeatureBatch
from contracts.market import COLUMNS_OF_KIND, QUOTE_COLUMNS, TRADE_COLUMNS, TickBatch

NAMES = ("log_return", "rsi")
LAYOUTS = {"trade": TRADE_COLUMNS, "quote": QUOTE_COLUMNS, "features": tuple(feature_layout(NAMES))}


@st.composite
def tables(draw, layout, min_rows=0):
    count = draw(st.integers(min_rows, 12))
    return {name: draw(arrays.arrays(np.dtype(kind), count)) for name, kind in layout}


def cut(columns, start, stop):
    return {name: column[start:stop] for name, column in columns.items()}


def same_bytes(one, other):
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@given(st.data())
def test_columns_come_back_bit_by_bit(layout, data):
    columns = data.draw(tables(layout))
    count = len(columns[layout[0][0]])
    assert same_bytes(unpack(layout, count, pack(layout, columns)), columns)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@given(st.data())
def test_the_hash_view_does_not_see_where_a_batch_ends(layout, data):
    columns = data.draw(tables(layout, min_rows=1))
    count = len(columns[layout[0][0]])
    at = data.draw(st.integers(0, count))
    split = packed_rows(layout, cut(columns, 0, at)) + packed_rows(layout, cut(columns, at, count))
    assert split == packed_rows(layout, columns)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@given(st.data())
def test_the_hash_view_does_not_see_how_columns_lie_in_memory(layout, data):
    columns = data.draw(tables(layout, min_rows=1))
    strided = {name: np.repeat(column, 2)[::2] for name, column in columns.items()}
    assert packed_rows(layout, strided) == packed_rows(layout, columns)
    assert pack(layout, strided) == pack(layout, columns)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_row_has_no_padding(layout):
    assert row_dtype(layout).itemsize == sum(np.dtype(kind).itemsize for _, kind in layout)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_numbers_are_little_endian_on_every_machine(layout):
    assert all(kind[0] in "<|" for _, kind in layout)


def test_columns_are_contiguous_and_cannot_be_written():
    columns = unpack(TRADE_COLUMNS, 2, bytes(2 * row_dtype(TRADE_COLUMNS).itemsize))
    for column in columns.values():
        assert column.flags.c_contiguous
        assert not column.flags.writeable


@pytest.mark.parametrize("kind", COLUMNS_OF_KIND)
@pytest.mark.parametrize("difference", [-1, 1])
def test_columns_of_another_length_are_refused(kind, difference):
    expected = 3 * row_dtype(COLUMNS_OF_KIND[kind]).itemsize
    batch = tick_batch(kind=kind, count=3, columns=bytes(expected + difference))
    with pytest.raises(
        ColumnsInvalid, match=f"hold {expected + difference} bytes, expected {expected} for 3 rows"
    ):
        tick_columns(batch)


def test_the_bytes_of_a_batch_are_what_they_were():
    """Recorded journals hold these bytes."""
    packed = pack(TRADE_COLUMNS, one_trade())
    assert packed.hex() == "01000000000000000000000000a099400000000000000840ff"


def test_a_batch_reads_as_trades():
    batch = tick_batch(count=1, first_seq=5, columns=pack(TRADE_COLUMNS, one_trade()))
    (trade,) = ticks(batch)
    assert (trade.seq, trade.ts_event_ns, trade.price, trade.size, trade.aggressor) == (
        5,
        1,
        1_640.0,
        3.0,
        -1,
    )


def test_a_feature_that_is_warming_up_reads_as_none():
    columns = {
        "seq": np.array([9, 10]),
        "ts_event_ns": np.array([1, 2]),
        "price": np.array([1_640.0, 1_640.25]),
        "valid": np.array([0b01, 0b11], dtype=np.uint64),
        "log_return": np.array([0.5, -0.5]),
        "rsi": np.array([0.0, 50.0]),
    }
    batch = FeatureBatch(
        set="core",
        source="es-1",
        venue="CME",
        symbol="ES",
        names=NAMES,
        count=2,
        ts_recv_ns=0,
        columns=pack(feature_layout(NAMES), columns),
    )
    assert same_bytes(feature_columns(batch), {name: np.asarray(column) for name, column in columns.items()})
    first, second = feature_rows(batch)
    assert first.values == {"log_return": 0.5, "rsi": None}
    assert second.values == {"log_return": -0.5, "rsi": 50.0}
    assert (second.seq, second.ts_event_ns, second.price) == (10, 2, 1_640.25)


def one_trade():
    return {
        "ts_event_ns": np.array([1]),
        "price": np.array([1_640.0]),
        "size": np.array([3.0]),
        "aggressor": np.array([-1]),
    }


def tick_batch(*, kind="trade", count=1, first_seq=1, columns=b""):
    return TickBatch(
        source="es-1",
        venue="CME",
        symbol="ES",
        kind=kind,
        first_seq=first_seq,
        count=count,
        ts_recv_ns=0,
        columns=columns,
    )
