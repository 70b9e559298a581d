"""A verdict explains itself: typed fields, and a sentence derived from them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.verdicts import _SENTENCES, Check, DenyCode, Outcome, Verdict, describe, quantity

PLACEHOLDERS = {"symbol", "strategy_id", "principal", "found", "allowed"}


def denied(code, *, found=1, allowed=0, unit="flag", setting=""):
    passed = Check(DenyCode.KILLED, 0, 0, "flag", "")
    return verdict(Outcome.DENIED, code, (passed, Check(code, found, allowed, unit, setting)))


def verdict(outcome, code, checks, lots=0, target_lots=0):
    return Verdict(
        intent_id="ab" * 16,
        principal="predict",
        strategy_id="trend",
        symbol="ES",
        outcome=outcome,
        code=code,
        checks=checks,
        lots=lots,
        target_lots=target_lots,
        mark_price_micro=1_640_000_000,
        mark_source="es-1",
        mark_seq=12,
        gate_seq=3,
        gate_ts_ns=5,
        expires_ts_ns=0,
        chain="",
        epoch=0,
    )


@pytest.mark.parametrize(
    ("case", "text"),
    [
        (
            denied(
                DenyCode.ORDER_NOTIONAL,
                found=1_250_000_000_000,
                allowed=1_000_000_000_000,
                unit="micro",
                setting="limits.per_symbol.ES.order_notional_max",
            ),
            (
                "ES would change by 1,250,000.00; the limit is 1,000,000.00 "
                "(limits.per_symbol.ES.order_notional_max)"
            ),
        ),
        (
            denied(
                DenyCode.MARK_STALE,
                found=2_500_000_000,
                allowed=2_000_000_000,
                unit="ns",
                setting="limits.mark_age_ms_max",
            ),
            "the mark of ES is 2,500 ms old; at most 2,000 ms (limits.mark_age_ms_max)",
        ),
        (
            denied(
                DenyCode.SLIPPAGE,
                found=30,
                allowed=20,
                unit="bps",
                setting="limits.per_symbol.ES.slippage_bps_max",
            ),
            "the intent allows 30 bps of slippage; at most 20 bps (limits.per_symbol.ES.slippage_bps_max)",
        ),
        (denied(DenyCode.STRATEGY_UNKNOWN, setting="cards"), "trend has no strategy card (cards)"),
        (
            denied(DenyCode.BREAKER_INVALID_INPUT, setting="breakers.invalid_input"),
            "the invalid_input breaker of predict is open (breakers.invalid_input)",
        ),
        (denied(DenyCode.INPUT_INVALID), "the intent does not decode"),
    ],
)
def test_a_denial_says_what_was_found_what_was_allowed_and_where_to_change_it(case, text):
    assert describe(case) == text


@pytest.mark.parametrize(
    ("lots", "target_lots", "text"),
    [
        (3, 3, "approved +3 lots of ES towards +3"),
        (-5, -2, "approved -5 lots of ES towards -2"),
        (-3, 0, "approved -3 lots of ES towards +0"),
    ],
)
def test_an_approval_says_the_change_and_the_target(lots, target_lots, text):
    assert describe(verdict(Outcome.APPROVED, None, (), lots, target_lots)) == text


@pytest.mark.parametrize("code", DenyCode)
def test_every_code_renders_whole(code):
    """An unrendered template passes every other test."""
    text = describe(denied(code, found=7, allowed=5, unit="count"))
    assert "{" not in text
    assert not text.endswith(".")
    named = {field for _, field, _, _ in string.Formatter().parse(_SENTENCES[code]) if field}
    assert named <= PLACEHOLDERS
    assert ("found" in named) == ("allowed" in named), "a number found goes with the one allowed"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "micro", "0.00"),
        (1_250_000_000_000, "micro", "1,250,000.00"),
        (1_000_000_000_001, "micro", "1,000,000.01"),
        (1, "micro", "0.01"),
        (-1, "micro", "-0.01"),
        (-2_500_000, "micro", "-2.50"),
        (2_500_000_000, "ns", "2,500 ms"),
        (12, "bps", "12 bps"),
        (1_000, "lots", "1,000 lots"),
        (1, "flag", "1"),
        (1_000, "count", "1,000"),
    ],
)
def test_a_quantity_is_written_as_people_write_it(value, unit, text):
    assert quantity(value, unit) == text


@given(st.integers(0, 2**62), st.integers(1, 10_000))
def test_a_breach_of_money_never_prints_as_its_limit(limit, excess):
    whole_cents = limit // 10_000 * 10_000
    assert quantity(whole_cents + excess, "micro") != quantity(whole_cents, "micro")


@pytest.mark.parametrize(("found", "allowed", "passes"), [(4, 5, True), (5, 5, True), (6, 5, False)])
def test_the_boundary_of_a_check_passes(found, allowed, passes):
    check = Check(DenyCode.SLIPPAGE, found, allowed, "bps", "")
    assert check.passed is passes
    assert check.headroom == allowed - found
    assert (check.headroom >= 0) is passes


def test_the_denial_is_the_last_check_and_an_approval_has_none():
    assert denied(DenyCode.RESTRICTED).denial.code is DenyCode.RESTRICTED
    assert verdict(Outcome.APPROVED, None, (Check(DenyCode.KILLED, 0, 0, "flag", ""),)).denial is None
