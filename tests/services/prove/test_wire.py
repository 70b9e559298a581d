"""The hand-written reader reads what msgspec writes, and refuses what msgspec refuses."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.prove.oracle.wire import OPAQUE, Unsound, read_map

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(max_size=300),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(st.dictionaries(st.text(), values, max_size=40))
def test_reads_the_scalars_of_a_map_and_passes_over_the_rest(fields: dict[str, object]) -> None:
    expected = [(key, OPAQUE if isinstance(value, list | dict) else value) for key, value in fields.items()]

    assert read_map(msgspec.msgpack.encode(fields)) == expected


@given(st.binary(max_size=60))
def test_refuses_noise_that_msgspec_refuses(noise: bytes) -> None:
    class Anything(msgspec.Struct):
        pass

    try:
        msgspec.msgpack.decode(noise, type=Anything)
        is_sound = True
    except msgspec.MsgspecError:
        is_sound = False
    try:
        read_map(noise)
    except Unsound:
        assert not is_sound
    else:
        assert is_sound


@given(st.dictionaries(st.text(), scalars, min_size=1), st.data())
def test_refuses_every_true_beginning_of_a_map(fields: dict[str, object], data: st.DataObject) -> None:
    body = msgspec.msgpack.encode(fields)
    cut = data.draw(st.integers(0, len(body) - 1))

    with pytest.raises(Unsound):
        read_map(body[:cut])


def test_refuses_bytes_after_the_map() -> None:
    with pytest.raises(Unsound, match="trailing bytes at byte 1"):
        read_map(b"\x80\x00")


def test_refuses_a_key_that_is_no_text() -> None:
    with pytest.raises(Unsound, match="no text"):
        read_map(b"\x81\x01\x01")


def test_text_that_is_not_utf8_spoils_only_its_own_entry() -> None:
    assert read_map(b"\x82\xa1a\xa1\xff\xa1b\x07") == [("a", OPAQUE), ("b", 7)]


def test_repeated_keys_are_all_kept() -> None:
    assert read_map(b"\x82\xa1a\x01\xa1a\x02") == [("a", 1), ("a", 2)]


def test_a_nan_stays_one() -> None:
    [(_, value)] = read_map(msgspec.msgpack.encode({"x": math.nan}))

    assert isinstance(value, float)
    assert math.isnan(value)


def test_depth_is_the_senders_choice_and_no_danger() -> None:
    assert read_map(b"\x81\xa1a" + b"\x91" * 100_000 + b"\xc0") == [("a", OPAQUE)]
