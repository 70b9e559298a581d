"""What a model may answer: two variants, told apart by the first property, each in a fixed order."""

import json

import msgspec
import pytest

from contracts.intents import Intent, IntentDraft
from contracts.slm import EXPLAIN_MAX, Abstention, Answer, Proposal, Rung, SlmRequest

PROPOSAL = {
    "decision": "propose",
    "symbol": "ES",
    "side": "long",
    "target_notional": 100_000,
    "urgency": "low",
    "max_slippage_bps": 5,
    "explain": "the trend is up",
}
ABSTENTION = {"decision": "abstain", "reason": "no_edge", "explain": ""}


def read(plain) -> Answer:
    return msgspec.json.decode(json.dumps(plain), type=Answer)


def test_the_decision_tells_the_variants_apart():
    assert isinstance(read(PROPOSAL), Proposal)
    assert isinstance(read(ABSTENTION), Abstention)


@pytest.mark.parametrize("plain", [PROPOSAL, ABSTENTION])
def test_the_properties_are_written_in_the_order_of_the_contract(plain):
    written = json.loads(msgspec.json.encode(read(plain)))
    assert list(written) == list(plain)


def test_a_proposal_has_the_fields_of_a_draft_and_so_of_an_intent():
    fields = set(IntentDraft.__struct_fields__)
    assert set(Proposal.__struct_fields__) == fields < set(Intent.__struct_fields__)


@pytest.mark.parametrize(
    "change",
    [
        {"decision": None},
        {"decision": "order"},
        {"decision": "abstain"},
        {"intent_id": "ab" * 16},
        {"strategy_id": "trend"},
        {"explain": "x" * (EXPLAIN_MAX + 1)},
        {"explain": "two\nlines"},
        {"explain": "line\n"},
        {"explain": "bell\x07"},
        {"explain": "delete\x7f"},
        {"explain": "next\x85line"},
        {"explain": "separated\u2028lines"},
        {"target_notional": -1},
        {"max_slippage_bps": 10_001},
    ],
)
def test_what_no_model_may_write_does_not_decode(change):
    with pytest.raises(msgspec.ValidationError):
        read({**PROPOSAL, **change})


def test_a_missing_decision_does_not_decode():
    with pytest.raises(msgspec.ValidationError, match="decision"):
        read({name: value for name, value in PROPOSAL.items() if name != "decision"})


def test_an_abstention_gives_one_of_the_reasons():
    with pytest.raises(msgspec.ValidationError, match="reason"):
        read({**ABSTENTION, "reason": "tired"})


def test_the_longest_explanation_decodes():
    assert read({**PROPOSAL, "explain": "ö" * EXPLAIN_MAX}).explain == "ö" * EXPLAIN_MAX


def test_a_rung_is_two_numbers():
    assert msgspec.json.encode(Rung(100_000.0, 1)) == b"[100000.0,1]"
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"[100000.0,1,2]", type=Rung)


def test_a_request_carries_bounded_lists_of_everything_that_is_shown():
    shown = msgspec.json.schema(SlmRequest)["$defs"]["SlmRequest"]["properties"]
    for field in ("features", "positions", "foreign"):
        assert shown[field]["maxItems"] <= 32
