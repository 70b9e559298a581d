"""The schema of an answer: exactly what the headroom allows, in a form that every mask engine keeps."""

import json
import random
from typing import get_args

import msgspec
import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from contracts.slm import AbstainReason, Abstention, Proposal, Rung
from llm.grammar import AnswerInvalid, HeadroomInvalid, answer_schema, grammar_of, read_answer
from tests.llm.answers import random_headroom, random_text, spoilt
from tests.llm.requests import FLAT, HEADROOM, make_headroom, make_ladder

PROPOSAL = {
    "decision": "propose",
    "symbol": "ES",
    "side": "long",
    "target_notional": 100_000,
    "urgency": "low",
    "max_slippage_bps": 25,
    "explain": "up",
}
ABSTENTION = {"decision": "abstain", "reason": "no_edge", "explain": ""}
OUTSIDE = [
    {"symbol": "NQ"},
    {"side": "short"},
    {"side": "flat"},
    {"target_notional": 0},
    {"target_notional": 100_001},
    {"target_notional": 300_000},
    {"max_slippage_bps": 26},
    {"max_slippage_bps": -1},
    {"urgency": "now"},
    {"explain": "x" * 121},
    {"explain": "two\nlines"},
    {"decision": "order"},
    {"intent_id": "ab" * 16},
]


def admits(schema, plain) -> bool:
    return Draft202012Validator(schema).is_valid(plain)


@pytest.mark.parametrize("plain", [PROPOSAL, ABSTENTION, {**PROPOSAL, "side": "flat", "target_notional": 0}])
def test_what_the_headroom_allows_is_admitted_and_read(plain):
    assert admits(answer_schema(HEADROOM), plain)
    assert read_answer(json.dumps(plain), HEADROOM) == msgspec.convert(plain, Proposal | Abstention)


@pytest.mark.parametrize("change", OUTSIDE)
def test_what_it_does_not_allow_is_neither_admitted_nor_read(change):
    plain = {**PROPOSAL, **change}
    assert not admits(answer_schema(HEADROOM), plain)
    with pytest.raises(AnswerInvalid):
        read_answer(json.dumps(plain), HEADROOM)


@pytest.mark.parametrize("seed", range(20))
def test_schema_and_reader_agree_on_random_texts(seed):
    """Without the mask engine: what the schema admits is read, spoilt or not."""
    rng = random.Random(seed)
    headroom = random_headroom(rng)
    schema = answer_schema(headroom)
    for _ in range(25):
        text = random_text(rng, headroom)
        assert admits(schema, json.loads(text))
        assert read_answer(text, headroom)
        other = spoilt(rng, text)
        try:
            read_answer(other, headroom)
        except AnswerInvalid:
            assert not is_json(other) or not admits(schema, json.loads(other)), other


def is_json(text) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_an_empty_headroom_leaves_only_abstaining():
    schema = answer_schema(make_headroom())
    assert [branch["properties"]["decision"] for branch in schema["anyOf"]] == [{"const": "abstain"}]
    assert admits(schema, ABSTENTION)
    assert not admits(schema, PROPOSAL)
    assert grammar_of(make_headroom()).is_empty
    assert not grammar_of(HEADROOM).is_empty


def test_every_branch_is_the_contract_in_the_contracts_order():
    abstention, *proposals = answer_schema(HEADROOM)["anyOf"]
    assert len(proposals) == len(HEADROOM.ladders)
    assert list(abstention["properties"]) == ["decision", *Abstention.__struct_fields__]
    for branch in proposals:
        fields = msgspec.inspect.type_info(Proposal).fields
        assert list(branch["properties"]) == ["decision", *(field.name for field in fields)]
        assert branch["required"] == list(branch["properties"])
        assert branch["additionalProperties"] is False
    assert abstention["properties"]["reason"]["enum"] == list(get_args(AbstainReason))


# What llguidance was seen to keep; anything else needs a look at its documentation and a test.
KEPT = {
    "x-guidance", "anyOf", "type", "properties", "required", "additionalProperties", "const", "enum",
    "minimum", "maximum", "pattern", "maxLength",
}  # fmt: skip


def test_only_keywords_that_every_mask_engine_keeps_are_used_and_everything_is_bounded():
    schema = answer_schema(HEADROOM)
    Draft7Validator.check_schema(schema)
    assert schema.keys() <= KEPT
    for branch in schema["anyOf"]:
        assert branch.keys() <= KEPT
        for value in branch["properties"].values():
            assert value.keys() <= KEPT
            assert "maximum" in value or value.get("type") != "integer"
            assert "maxLength" in value or value.get("type") != "string"
            assert "(?" not in value.get("pattern", "")


def test_an_amount_is_written_without_an_empty_fraction():
    assert '"enum":[100000,200000]' in grammar_of(HEADROOM).text
    odd = make_headroom(make_ladder(rungs=(Rung(0.5, 1), Rung(1e-05, 2))[::-1]))
    assert '"enum":[1e-05,0.5]' in grammar_of(odd).text


def longest(branch) -> str:
    def value(part):
        if "maxLength" in part:
            return "x" * part["maxLength"]
        if "maximum" in part:
            return part["maximum"]
        return max(part.get("enum", [part.get("const")]), key=lambda item: len(json.dumps(item)))

    return json.dumps(
        {name: value(part) for name, part in branch["properties"].items()}, separators=(",", ":")
    )


@pytest.mark.parametrize("headroom", [HEADROOM, make_headroom(), make_headroom(FLAT)])
def test_the_longest_text_is_known(headroom):
    grammar = grammar_of(headroom)
    texts = [longest(branch) for branch in grammar.schema["anyOf"]]
    assert grammar.chars_max == max(map(len, texts))
    assert all(read_answer(text, headroom) for text in texts)


def test_the_hashes_follow_the_headroom_and_nothing_else():
    one, again = grammar_of(HEADROOM), grammar_of(make_headroom(*HEADROOM.ladders))
    other = grammar_of(make_headroom(make_ladder(slippage_bps_max=24), FLAT))
    assert (one.grammar_hash, one.headroom_hash) == (again.grammar_hash, again.headroom_hash)
    assert one.grammar_hash != other.grammar_hash
    assert one.headroom_hash != other.headroom_hash
    assert json.loads(one.text) == one.schema


@pytest.mark.parametrize(
    ("ladder", "found"),
    [
        (make_ladder(slippage_bps_min=3, slippage_bps_max=2), "slippage from 3 to 2 bps"),
        (make_ladder(side="flat"), r"targets \[100000.0, 200000.0\]; expected one target of 0"),
        (make_ladder(rungs=(Rung(0.0, 0),)), "expected rising targets above 0"),
        (make_ladder(rungs=(Rung(2.0, 2), Rung(1.0, 1))), "expected rising targets above 0"),
        (make_ladder(rungs=(Rung(1.0, 1), Rung(1.0, 1))), "expected rising targets above 0"),
    ],
)
def test_a_headroom_that_contradicts_itself_makes_no_grammar(ladder, found):
    with pytest.raises(HeadroomInvalid, match=found):
        grammar_of(make_headroom(ladder))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"decision":"abstain"}', " " * 5_000, "\ud800"])
def test_what_is_no_answer_is_refused(text):
    with pytest.raises(AnswerInvalid):
        read_answer(text, HEADROOM)
