"""The mask engine keeps the grammar: texts within are accepted and others refused, byte by byte.

Needs the extra ``slm``; without it the same texts are judged by the schema and the decoder alone.
"""

import json
import random

import pytest

from contracts.slm import Rung
from llm.grammar import AnswerInvalid, grammar_of, read_answer
from tests.llm.requests import make_headroom, make_ladder

llguidance = pytest.importorskip("llguidance", reason="the mask engine comes with the extra `slm`")

ACTIONS = {"long": "buy", "short": "sell", "flat": "sell"}


def random_headroom(rng: random.Random):
    ladders = []
    for symbol in rng.sample(["ES", "BRK.B", "BTC/USDT", "ES=F", "6E"], rng.randint(0, 4)):
        for side in rng.sample(["long", "short", "flat"], rng.randint(1, 3)):
            amounts = sorted({random_amount(rng) for _ in range(rng.randint(1, 8))})
            rungs = tuple(Rung(amount, lots) for lots, amount in enumerate(amounts, start=1))
            least = rng.choice([0, 0, 7])
            ladders.append(
                make_ladder(
                    symbol=symbol,
                    side=side,
                    action=ACTIONS[side],
                    slippage_bps_min=least,
                    slippage_bps_max=rng.randint(least, 60),
                    rungs=rungs if side != "flat" else (Rung(0.0, 0),),
                )
            )
    return make_headroom(*ladders)


def random_amount(rng: random.Random) -> float:
    """From 0.001 up: what is smaller has an exponent, whose spelling is the engine's own."""
    digits = rng.choice([3, 4, 9, 15])
    amount = rng.randint(1_000, 10**digits) / 10 ** rng.choice([3, 3, 0, 1, 6 if digits > 6 else 0])
    return min(amount, 1e12)


def random_text(rng: random.Random, headroom) -> str:
    if not headroom.ladders or rng.random() < 0.1:
        plain = {"decision": "abstain", "reason": rng.choice(["no_edge", "conflicting"]), "explain": ""}
    else:
        ladder = rng.choice(headroom.ladders)
        amount = rng.choice(ladder.rungs).target_notional
        plain = {
            "decision": "propose",
            "symbol": ladder.symbol,
            "side": ladder.side,
            "target_notional": int(amount) if amount.is_integer() else amount,
            "urgency": rng.choice(["low", "medium", "high"]),
            "max_slippage_bps": rng.choice([ladder.slippage_bps_min, ladder.slippage_bps_max]),
            "explain": "".join(rng.choices("abc <>[]{}'|.,", k=rng.choice([0, 5, 120]))),
        }
    return json.dumps(plain, separators=(",", ":"))


def spoilt(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text))
    return rng.choice(
        [
            text[:place] + rng.choice('0159"{}:,abx\\ ') + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text[:place] + rng.choice("0159") + text[place:],
            text.replace(":", ": ", 1),
            text[:-1],
            text + "}",
            text.replace("long", "short"),
            text.replace('"explain":"', '"explain":"' + "y" * 121),
        ]
    )


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
