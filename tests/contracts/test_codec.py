"""Bytes to messages and back: what goes in comes out, and nothing else gets in."""

import contextlib
import math
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from contracts import codec
from contracts.catalogue import ANSWERS, DRAFTS, MESSAGES
from contracts.codec import Undecodable
from contracts.intents import Intent, IntentDraft
from tests.contracts.messages import messages

EVERY = (*MESSAGES, *DRAFTS, *ANSWERS)
STRICT = tuple(item for item in EVERY if item.__struct_config__.forbid_unknown_fields)
TOLERANT = tuple(item for item in EVERY if item not in STRICT)
NOT_FINITE = (math.nan, math.inf, -math.inf)

# Some messages are large; a few of each, over two dozen types and several properties, go a long way.
few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
once = settings(few, max_examples=2)


def named(items):
    return pytest.mark.parametrize("message_type", items, ids=lambda item: item.__name__)


@pytest.fixture
def paranoid():
    codec.Paranoia.is_on = True
    yield
    codec.Paranoia.is_on = False


@dataclass
class Slot:
    """One bounded number inside a message, as a path into its plain form."""

    path: tuple
    kind: inspect.IntType | inspect.FloatType


def slots(kind, path=()):
    """Every number of a message that every instance holds: top-level fields and nested structs."""
    match kind:
        case inspect.Metadata():
            yield from slots(kind.type, path)
        case inspect.IntType() | inspect.FloatType():
            yield Slot(path, kind)
        case inspect.StructType() if not kind.array_like:
            for field in kind.fields:
                yield from slots(field.type, (*path, field.encode_name))


def replaced(plain, path, value):
    if not path:
        return value
    return {**plain, path[0]: replaced(plain[path[0]], path[1:], value)}


def packed(plain) -> bytes:
    return msgspec.msgpack.encode(plain)


def plain_form(message):
    return msgspec.msgpack.decode(codec.encode(message))


@named(EVERY)
@few
@given(st.data())
def test_msgpack_gives_the_message_back(message_type, data):
    message = data.draw(messages(message_type))
    assert codec.decode(message_type, codec.encode(message)) == message


@named(EVERY)
@few
@given(st.data())
def test_json_gives_the_message_back(message_type, data):
    message = data.draw(messages(message_type))
    assert codec.decode_json(message_type, codec.encode_json(message)) == message


@named(MESSAGES)
@few
@given(st.data())
def test_the_tag_alone_tells_the_type(message_type, data):
    message = data.draw(messages(message_type))
    decoded = codec.decode_any(codec.encode(message))
    assert type(decoded) is message_type
    assert decoded == message


@named(MESSAGES)
@once
@given(st.data())
def test_a_message_without_its_tag_is_refused(message_type, data):
    plain = plain_form(data.draw(messages(message_type)))
    assert plain.pop("schema") == message_type.__struct_config__.tag
    with pytest.raises(Undecodable):
        codec.decode(message_type, packed(plain))
    with pytest.raises(Undecodable):
        codec.decode_any(packed(plain))


@named(MESSAGES)
@once
@given(st.data())
def test_another_version_is_refused(message_type, data):
    plain = plain_form(data.draw(messages(message_type)))
    later = packed({**plain, "schema": plain["schema"].replace(".v1", ".v2")})
    with pytest.raises(Undecodable):
        codec.decode(message_type, later)
    with pytest.raises(Undecodable):
        codec.decode_any(later)


@named(EVERY)
@once
@given(st.data())
def test_a_number_that_is_not_finite_is_refused(message_type, data):
    plain = plain_form(data.draw(messages(message_type)))
    for slot in slots(inspect.type_info(message_type)):
        for value in NOT_FINITE:
            with pytest.raises(Undecodable):
                codec.decode(message_type, packed(replaced(plain, slot.path, value)))


@named(EVERY)
@once
@given(st.data())
def test_a_number_just_outside_its_bounds_is_refused_and_one_on_it_is_not(message_type, data):
    plain = plain_form(data.draw(messages(message_type)))
    for slot in slots(inspect.type_info(message_type)):
        for inside, outside in edges(slot.kind):
            codec.decode(message_type, packed(replaced(plain, slot.path, inside)))
            with pytest.raises(Undecodable):
                codec.decode(message_type, packed(replaced(plain, slot.path, outside)))


def edges(kind):
    """(last value inside, first value outside) at each end that has a bound."""
    if isinstance(kind, inspect.IntType):
        if kind.ge is not None:
            yield kind.ge, kind.ge - 1
        if kind.le is not None:
            yield kind.le, kind.le + 1
        return
    if kind.gt is not None:
        yield math.nextafter(kind.gt, math.inf), kind.gt
    if kind.ge is not None:
        yield kind.ge, math.nextafter(kind.ge, -math.inf)
    yield kind.le, math.nextafter(kind.le, math.inf)


@named(STRICT)
@once
@given(st.data())
def test_a_strict_message_refuses_a_field_that_it_does_not_know(message_type, data):
    plain = plain_form(data.draw(messages(message_type)))
    with pytest.raises(Undecodable, match="unknown field"):
        codec.decode(message_type, packed({**plain, "added_later": 1}))


@named(TOLERANT)
@few
@given(st.data())
def test_an_envelope_tolerates_a_field_that_a_later_version_added(message_type, data):
    message = data.draw(messages(message_type))
    assert codec.decode(message_type, packed({**plain_form(message), "added_later": 1})) == message


def test_what_people_and_models_write_is_strict_and_what_services_send_is_not():
    assert {item.__name__ for item in STRICT} == {
        "IntentDraft",
        "OperatorCommand",
        "Instrument",
        "Limits",
        "StrategyCard",
        "GateConfig",
        "Headroom",
        "SlmRequest",
        "Proposal",
        "Abstention",
    }


@given(st.binary(max_size=200))
def test_arbitrary_bytes_decode_or_are_undecodable_and_nothing_else(data):
    for message_type in (Intent, IntentDraft):
        with contextlib.suppress(Undecodable):
            codec.decode(message_type, data)
    with contextlib.suppress(Undecodable):
        codec.decode_any(data)


@pytest.mark.parametrize("data", [b"", b"\x93" * 2_000, b"\x81\xa6schema\xc0", b"\xa1\xff", b"\x90"])
def test_hostile_bytes_are_undecodable(data):
    with pytest.raises(Undecodable):
        codec.decode_any(data)
    with pytest.raises(Undecodable):
        codec.decode(Intent, data)


def test_the_error_names_the_field(draft):
    plain = {**plain_form(draft), "target_notional": -1.0}
    with pytest.raises(Undecodable, match=r"expected IntentDraft: .*target_notional") as caught:
        codec.decode(IntentDraft, packed(plain))
    assert caught.value.expected == "IntentDraft"
    assert "target_notional" in caught.value.detail


def test_construction_does_not_check_and_a_paranoid_encode_does(draft, paranoid):
    wrong = msgspec.structs.replace(draft, target_notional=math.nan)
    with pytest.raises(Undecodable, match="target_notional"):
        codec.encode(wrong)


def test_an_encode_that_is_not_paranoid_trusts_its_caller(draft):
    assert codec.encode(msgspec.structs.replace(draft, target_notional=-1.0))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-1", "1e13", "null", '"5"', "true"])
def test_json_from_outside_cannot_smuggle_a_number(text):
    data = f'{{"symbol":"ES","side":"long","target_notional":{text},"urgency":"low","max_slippage_bps":1}}'
    with pytest.raises(Undecodable):
        codec.decode_json(IntentDraft, data)


@pytest.mark.parametrize(
    "symbol", ["", "es", "ES\n", "ES ", ".ES", "A" * 17, "E*", "E>", "ES.", "ÄS", "A.B.C.D"]
)
def test_a_symbol_that_is_none_is_refused(symbol, draft):
    with pytest.raises(Undecodable, match="symbol"):
        codec.decode(IntentDraft, packed({**plain_form(draft), "symbol": symbol}))


@pytest.mark.parametrize(("length", "is_fine"), [(250, True), (251, False)])
def test_an_explanation_has_at_most_250_characters(length, is_fine, draft):
    data = packed({**plain_form(draft), "explain": "é" * length})
    if is_fine:
        assert len(codec.decode(IntentDraft, data).explain) == length
    else:
        with pytest.raises(Undecodable, match="explain"):
            codec.decode(IntentDraft, data)
