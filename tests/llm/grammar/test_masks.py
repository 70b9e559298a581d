"""The mask engine keeps the grammar: texts within are accepted and others refused, byte by byte.

Needs the extra ``slm``; without it the same texts are judged by the schema and the decoder alone.
"""

import random

import pytest

from llm.grammar import AnswerInvalid, grammar_of, read_answer
from tests.llm.answers import random_headroom, random_text, spoilt
from tests.llm.requests import make_headroom, make_ladder

llguidance = pytest.importorskip("llguidance", reason="the mask engine comes with the extra `slm`")

TOKENS = llguidance.LLTokenizer("byte")


def accepted(grammar: str, text: str) -> bool:
    matcher = llguidance.LLMatcher(TOKENS, grammar, log_level=0)
    tokens = TOKENS.tokenize_str(text)
    if matcher.validate_tokens(tokens) != len(tokens):
        return False
    return matcher.consume_tokens(tokens) and matcher.is_accepting()


def is_read(text: str, headroom) -> bool:
    try:
        read_answer(text, headroom)
    except AnswerInvalid:
        return False
    return True


@pytest.mark.parametrize("seed", range(40))
def test_the_mask_accepts_what_the_headroom_allows_and_nothing_that_is_not_read(seed):
    rng = random.Random(seed)
    headroom = random_headroom(rng)
    compiled = llguidance.LLMatcher.grammar_from_json_schema(grammar_of(headroom).text)
    is_broken, messages = llguidance.LLMatcher.validate_grammar_with_warnings(compiled, TOKENS)
    assert not is_broken, messages
    assert not messages
    for _ in range(25):
        text = random_text(rng, headroom)
        assert is_read(text, headroom), text
        assert accepted(compiled, text), text
        other = spoilt(rng, text)
        assert is_read(other, headroom) or not accepted(compiled, other), other


def test_a_spelling_that_json_allows_and_the_grammar_does_not_is_refused():
    """One text a meaning: no blanks, no other order, no escapes, no other form of a number."""
    headroom = make_headroom(make_ladder())
    compiled = llguidance.LLMatcher.grammar_from_json_schema(grammar_of(headroom).text)
    text = (
        '{"decision":"propose","symbol":"ES","side":"long","target_notional":100000,'
        '"urgency":"low","max_slippage_bps":5,"explain":"up"}'
    )
    assert accepted(compiled, text)
    for other in (
        text.replace("100000", "1e5"),
        text.replace("100000", "100000.0"),
        text.replace(":5,", ":05,"),
        text.replace('"up"', '"\\u0075p"'),
        text.replace('"symbol":"ES","side":"long"', '"side":"long","symbol":"ES"'),
        text + "\n",
        "\n" + text,
    ):
        assert is_read(other, headroom) or "05" in other
        assert not accepted(compiled, other), other
