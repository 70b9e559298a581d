"""Subjects: built and parsed in one place, and a symbol comes back as it went in."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts import subjects
from contracts.subjects import SubjectInvalid

ASCII = st.text(st.characters(min_codepoint=0, max_codepoint=127), min_size=1, max_size=40)
SYMBOLS = [
    "ES",
    "BRK.B",
    "BTC/USDT",
    "ES=F",
    "ETH-USD",
    "6E",
    "A_B",
    "a.b",
    "*",
    ">",
    "~2E",
    "~",
    " ",
    "\n",
    "$SYS",
]
TOKEN = re.compile(r"[A-Za-z0-9_~-]+")


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_symbol_is_one_token_and_comes_back(symbol):
    token = subjects.encode_token(symbol)
    assert TOKEN.fullmatch(token)
    assert subjects.decode_token(token) == symbol


def test_the_encoding_is_readable_and_fixed():
    """Recorded journals hold these subjects: another spelling would be another subject."""
    assert subjects.trade("CME", "BRK.B") == "md.trade.CME.BRK~2EB"
    assert subjects.trade("SIM", "BTC/USDT") == "md.trade.SIM.BTC~2FUSDT"
    assert subjects.features("core", "CME", "ES=F") == "feat.core.CME.ES~3DF"
    assert subjects.verdict("trend", "ES") == "risk.verdict.trend.ES"


@given(ASCII)
def test_any_ascii_text_is_one_token_and_comes_back(text):
    token = subjects.encode_token(text)
    assert TOKEN.fullmatch(token)
    assert subjects.decode_token(token) == text


@given(ASCII, ASCII)
def test_two_texts_never_share_a_token(one, other):
    assume(one != other)
    assert subjects.encode_token(one) != subjects.encode_token(other)


@given(st.text(max_size=20))
def test_a_token_that_is_never_made_is_refused(token):
    try:
        text = subjects.decode_token(token)
    except SubjectInvalid:
        return
    assert subjects.encode_token(text) == token


@pytest.mark.parametrize(
    "token", ["", "a.b", "~", "~2", "~2e", "~80", "~FF", "a b", "*", ">", "~41", "ES\n", "é"]
)
def test_an_ambiguous_token_is_refused(token):
    with pytest.raises(SubjectInvalid):
        subjects.decode_token(token)


@pytest.mark.parametrize("text", ["", "é", "日経"])
def test_a_token_needs_ascii(text):
    with pytest.raises(ValueError, match="ASCII"):
        subjects.encode_token(text)


@given(ASCII, ASCII)
def test_an_intent_comes_back_and_its_verdict_is_none(strategy_id, symbol):
    assert subjects.parse_intent(subjects.intent_proposed(strategy_id, symbol)) == (strategy_id, symbol)
    with pytest.raises(SubjectInvalid):
        subjects.parse_intent(subjects.verdict(strategy_id, symbol))


@given(ASCII, ASCII)
def test_a_command_comes_back(command, operator):
    assert subjects.parse_control(subjects.control(command, operator)) == (command, operator)


@given(ASCII, ASCII)
def test_a_request_and_its_reply_come_back_and_are_not_each_other(one, other):
    requested, replied = subjects.slm_request(one, other), subjects.slm_reply(one, other)
    assert subjects.parse_slm_request(requested) == subjects.parse_slm_reply(replied) == (one, other)
    with pytest.raises(SubjectInvalid):
        subjects.parse_slm_request(replied)
    with pytest.raises(SubjectInvalid):
        subjects.parse_slm_reply(requested)


PARSERS = (
    subjects.parse_intent,
    subjects.parse_control,
    subjects.parse_slm_request,
    subjects.parse_slm_reply,
)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "subject",
    ["", ".", "intent.proposed", "intent.proposed.trend.ES.more", "control.kill", "md.trade.CME", "x.y.z.w"],
)
def test_a_subject_of_another_form_is_refused(parse, subject):
    with pytest.raises(SubjectInvalid) as caught:
        parse(subject)
    assert caught.value.found == subject
    assert "<" in caught.value.expected
    assert caught.value.expected in str(caught.value)


@pytest.mark.parametrize(
    "subject", ["intent.proposed.*.ES", "intent.proposed.trend.>", "intent.proposed..ES"]
)
def test_a_wildcard_is_no_subject(subject):
    with pytest.raises(SubjectInvalid):
        subjects.parse_intent(subject)


@given(ASCII, ASCII, ASCII)
def test_every_built_subject_has_its_template(venue, symbol, other):
    built = {
        subjects.CLOCK: "md.clock",
        subjects.trade(venue, symbol): "md.trade.<venue>.<symbol>",
        subjects.quote(venue, symbol): "md.quote.<venue>.<symbol>",
        subjects.bar(other, venue, symbol): "md.bar.<interval>.<venue>.<symbol>",
        subjects.news_item(other): "news.item.<source>",
        subjects.features(other, venue, symbol): "feat.<set>.<venue>.<symbol>",
        subjects.intent_proposed(other, symbol): "intent.proposed.<strategy_id>.<symbol>",
        subjects.verdict(other, symbol): "risk.verdict.<strategy_id>.<symbol>",
        subjects.breaker(other): "risk.breaker.<name>",
        subjects.RISK_STATE: "risk.state",
        subjects.control(other, venue): "control.<command>.<operator>",
        subjects.slm_request(other, venue): "slm.request.<route>.<task>",
        subjects.slm_reply(other, venue): "slm.reply.<task>.<req_id>",
        subjects.heartbeat("gate"): "audit.heartbeat.<service>",
        subjects.dead(other): "dead.<origin>",
    }
    for subject, template in built.items():
        assert subjects.template_of(subject) == template
        assert template in subjects.TEMPLATES


def test_a_foreign_subject_has_no_template():
    assert subjects.template_of("oms.orders.new") == "unknown"
    assert subjects.template_of("md.trade.CME") == "unknown"


WILDCARDS = [
    value
    for name, value in vars(subjects).items()
    if name.startswith("ALL_") and value != subjects.ALL_REPLAYS  # a prefix before any family
]


@pytest.mark.parametrize("wildcard", WILDCARDS)
def test_every_wildcard_covers_a_family(wildcard):
    prefix = wildcard.removesuffix(">")
    assert prefix.endswith(".")
    assert [family for family in subjects.TEMPLATES if family.startswith(prefix)]


def test_one_strategy_and_one_operator_have_wildcards_of_their_own():
    assert subjects.intents_of("trend") == "intent.proposed.trend.>"
    assert subjects.controls_of("operator1") == "control.*.operator1"
    assert subjects.intents_of("a.>") == "intent.proposed.a~2E~3E.>"
