"""Reading an intent is decoding ``Intent``, whatever was read before."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.codec import Undecodable, decode
from contracts.hashview import stable_fields
from contracts.intents import Intent
from risk.gate.intake import _matched, read_intent
from tests.risk.gate_records import make_intent

GOOD = msgspec.to_builtins(make_intent(1))
ODD = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70).filter(lambda value: -(2**63) <= value < 2**64),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(
        ["ES\n", "es", "ES", "trend\n", "a" * 32, "A" * 32, "a" * 129, "a" * 32 + "\n", "long", "", "tape\n"]
    ),
)


def outcome_of_decoding(body: bytes) -> tuple[list | None, str]:
    try:
        intent = decode(Intent, body)
    except Undecodable as error:
        return None, error.detail
    return [getattr(intent, name) for name in Intent.__struct_fields__], ""


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([*GOOD, "another"]), ODD, max_size=3),
    st.sets(st.sampled_from(sorted(GOOD)), max_size=1),
)
def test_reads_what_decoding_reads_and_refuses_what_decoding_refuses(changes, missing):
    fields = {name: value for name, value in (GOOD | changes).items() if name not in missing}
    body = msgspec.msgpack.encode(fields)

    for _ in range(2):  # the second time its names are known
        read_intent(msgspec.msgpack.encode(GOOD))
        intent, detail = read_intent(body)
        found = None if intent is None else [getattr(intent, name) for name in Intent.__struct_fields__]
        assert repr((found, detail)) == repr(outcome_of_decoding(body))


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x90", msgspec.msgpack.encode(GOOD)[:-1], msgspec.msgpack.encode(GOOD) + b"\x00"]
)
def test_refuses_what_is_no_message_in_the_same_words(body):
    intent, detail = read_intent(body)

    assert (intent, detail) == outcome_of_decoding(body)
    assert detail


def test_what_it_reads_is_an_intent_with_every_field():
    intent, _ = read_intent(msgspec.msgpack.encode(GOOD))

    assert isinstance(intent, Intent)
    assert {name: getattr(intent, name) for name in stable_fields(Intent)}


def test_a_stranger_who_invents_names_does_not_fill_the_memory():
    for number in range(5_000):
        read_intent(msgspec.msgpack.encode(GOOD | {"basis_source": f"feed-{number}"}))

    assert len(_matched) <= 4_096


@pytest.mark.parametrize("field", ["intent_id", "prompt_hash"])
@pytest.mark.parametrize("value", ["a" * 31, "A" * 32, "a" * 129, "a" * 32 + "\n", "x"])
def test_known_names_do_not_spare_the_other_patterns(field, value):
    read_intent(msgspec.msgpack.encode(GOOD))

    intent, detail = read_intent(msgspec.msgpack.encode(GOOD | {field: value}))

    assert intent is None
    assert f"$.{field}" in detail
