"""The published schemas are valid, and they accept and refuse what the decoder does."""

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from contracts import codec, schemas
from contracts.catalogue import ANSWERS, BY_TAG, DRAFTS, MESSAGES, tag_of
from contracts.codec import Undecodable
from contracts.intents import IntentDraft
from tests.contracts.messages import messages

few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
EVERY = (*MESSAGES, *DRAFTS, *ANSWERS)


@pytest.mark.parametrize("message_type", EVERY, ids=lambda item: item.__name__)
def test_the_schema_is_valid(message_type):
    Draft202012Validator.check_schema(schemas.schema(message_type))


@pytest.mark.parametrize("message_type", EVERY, ids=lambda item: item.__name__)
@few
@given(st.data())
def test_the_schema_accepts_every_message(message_type, data):
    plain = json.loads(codec.encode_json(data.draw(messages(message_type))))
    errors = list(Draft202012Validator(schemas.schema(message_type)).iter_errors(plain))
    assert not errors


@pytest.mark.parametrize(
    "change",
    [
        {"side": "buy"},
        {"symbol": "es"},
        {"symbol": "ES\n"},
        {"target_notional": -0.01},
        {"target_notional": 1e13},
        {"target_notional": None},
        {"urgency": "now"},
        {"max_slippage_bps": -1},
        {"max_slippage_bps": 10_001},
        {"explain": "x" * 251},
        {"strategy_id": "trend"},
    ],
)
def test_schema_and_decoder_refuse_the_same_draft(draft, change):
    plain = {**msgspec.to_builtins(draft), **change}
    assert list(Draft202012Validator(schemas.schema(IntentDraft)).iter_errors(plain))
    with pytest.raises(Undecodable):
        codec.decode_json(IntentDraft, json.dumps(plain))


@pytest.mark.parametrize("field", ["symbol", "side", "target_notional", "urgency", "max_slippage_bps"])
def test_schema_and_decoder_miss_the_same_field(draft, field):
    plain = msgspec.to_builtins(draft)
    del plain[field]
    assert list(Draft202012Validator(schemas.schema(IntentDraft)).iter_errors(plain))
    with pytest.raises(Undecodable, match=field):
        codec.decode_json(IntentDraft, json.dumps(plain))


def test_the_users_fields_of_an_intent_keep_their_names_and_bounds():
    properties = schemas.schema(IntentDraft)["$defs"]["IntentDraft"]["properties"]
    assert list(properties) == ["symbol", "side", "target_notional", "urgency", "max_slippage_bps", "explain"]
    assert properties["target_notional"]["minimum"] == 0
    assert properties["urgency"]["enum"] == ["high", "low", "medium"]
    assert properties["max_slippage_bps"]["minimum"] == 0
    assert properties["explain"]["maxLength"] == 250


def test_a_tag_names_its_type():
    assert tag_of(IntentDraft) == "intent_draft.v1"
    assert all(tag_of(message_type) == tag for tag, message_type in BY_TAG.items())


def test_writing_the_schemas_removes_what_no_struct_backs(tmp_path, monkeypatch):
    monkeypatch.setattr(schemas, "FOLDER", tmp_path)
    (tmp_path / "gone.v1.json").write_text("{}")
    schemas.main()
    assert {path.stem for path in tmp_path.iterdir()} == set(BY_TAG)
