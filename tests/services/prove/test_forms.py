"""The hand-checked forms agree with the contracts wherever the contracts are right."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.control import OperatorCommand
from contracts.gate import Fill
from contracts.intents import Intent
from services.prove.hostile import spoil
from services.prove.oracle import forms

GOOD: dict[str, object] = {
    "schema": "intent.v1",
    "symbol": "ES",
    "side": "long",
    "target_notional": 82_000.0,
    "urgency": "low",
    "max_slippage_bps": 5,
    "explain": "",
    "intent_id": "ab" * 16,
    "strategy_id": "alpha",
    "ts_event_ns": 1,
    "basis_source": "sim",
    "basis_seq": 1,
    "basis_ts_ns": 1,
}


def decodes(kind: type[msgspec.Struct], body: bytes) -> bool:
    try:
        codec.decode(kind, body)
    except codec.Undecodable:
        return False
    return True


@given(st.integers(0, 2**32), st.booleans())
def test_an_intent_is_good_to_both_or_to_neither(seed: int, is_odd: bool) -> None:
    rng = random.Random(seed)
    body = (spoil.odd_but_good if is_odd else spoil.spoiled)(rng, GOOD)

    assert (forms.read_intent(body) is not None) == decodes(Intent, body)


@pytest.mark.parametrize("field", ["intent_id", "strategy_id", "basis_source", "symbol", "prompt_hash"])
def test_a_last_newline_makes_no_second_spelling(field: str) -> None:
    body = msgspec.msgpack.encode({**GOOD, field: f"{GOOD.get(field, '')}\n"})

    assert forms.read_intent(body) is None
    assert not decodes(Intent, body)


@pytest.mark.parametrize("kind", [Intent, OperatorCommand, Fill])
def test_a_message_without_its_tag_is_none(kind: type[msgspec.Struct]) -> None:
    assert forms.read_intent(msgspec.msgpack.encode({k: v for k, v in GOOD.items() if k != "schema"})) is None
    assert not decodes(kind, msgspec.msgpack.encode({}))


def test_a_command_with_a_field_too_many_is_none() -> None:
    command = {
        "schema": "operator_command.v1",
        "command": "reset",
        "operator": "operator1",
        "nonce": "ab" * 8,
        "reason": "x",
        "expires_ts_ns": 1,
        "expected_gate_seq": 1,
    }

    assert forms.read_command(msgspec.msgpack.encode(command)) is not None
    assert forms.read_command(msgspec.msgpack.encode({**command, "extra": 1})) is None


def test_a_body_shows_its_identity_whatever_else_is_wrong() -> None:
    assert forms.shown_id(msgspec.msgpack.encode({"intent_id": "ab" * 16, "side": 7})) == "ab" * 16
    assert forms.shown_id(msgspec.msgpack.encode({"intent_id": "ab"})) is None
    assert forms.shown_id(b"\x81\xa9intent_id") is None
