"""Every reason to deny, from both sides of its boundary and as a person reads it: input to configuration."""

from pathlib import Path

import pytest

from contracts.codec import encode
from contracts.limits import Breakers
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from contracts.verdicts import DenyCode, describe
from tests.risk.gate_records import (
    LOT_MONEY,
    MARK_MICRO,
    START_NS,
    Bench,
    make_breaker_limits,
    make_config,
    make_intent,
    make_limits,
    make_mark,
)
from tests.risk.verdicts import assert_approved, assert_denied, verdict_of


def test_approves_whole_lots_with_every_comparison_and_the_market_position_it_decided_at():
    verdict = verdict_of(Bench(), target_notional=4.9 * LOT_MONEY)

    assert_approved(verdict, 4)
    assert describe(verdict) == "approved +4 lots of FUT towards +4"
    assert [check.code for check in verdict.checks] == list(DenyCode)
    assert (verdict.mark_price_micro, verdict.mark_source, verdict.mark_seq) == (MARK_MICRO, "tape", 1)
    assert verdict.expires_ts_ns == START_NS + 5 * SECOND_NS


@pytest.mark.parametrize("code", list(DenyCode))
def test_the_page_of_the_gate_has_a_row_for_each_code(code):
    page = (Path(__file__).parents[3] / "risk/gate/README.md").read_text(encoding="utf-8")

    assert f"| `{code}` |" in page


# 1: input


@pytest.mark.parametrize(
    "change",
    [
        {"target_notional": float("nan")},
        {"target_notional": float("inf")},
        {"target_notional": -1.0},
        {"target_notional": 1e13},
        {"max_slippage_bps": -1},
        {"max_slippage_bps": 10_001},
        {"side": "up"},
        {"basis_ts_ns": -1},
        {"symbol": "FUT\n"},
        {"strategy_id": "Trend"},
    ],
)
def test_a_body_that_breaks_a_bound_is_denied_by_the_identity_it_shows(change):
    bench = Bench()

    verdict = bench.send(encode(make_intent(7, **change))).verdict

    assert verdict is not None
    assert_denied(verdict, DenyCode.INPUT_INVALID, "the intent does not decode")
    assert (verdict.intent_id, verdict.strategy_id, verdict.symbol) == (
        make_intent(7).intent_id,
        "trend",
        "FUT",
    )
    assert bench.gate.known("predict", verdict.intent_id) == verdict.gate_seq


def test_an_intent_on_the_subject_of_another_strategy_or_symbol_is_denied_under_the_subjects_names():
    bench = Bench()

    for subject, names in [
        ("intent.proposed.mean_revert.FUT", ("mean_revert", "FUT")),
        ("intent.proposed.trend.EUR", ("trend", "EUR")),
    ]:
        verdict = verdict_of(bench, record={"subject": subject})
        assert_denied(
            verdict,
            DenyCode.SUBJECT_MISMATCH,
            "the intent's strategy or symbol is not that of its subject",
        )
        assert (verdict.strategy_id, verdict.symbol) == names
    assert_approved(verdict_of(bench, record={"subject": "intent.proposed.trend.FUT"}), 4)


@pytest.mark.parametrize(
    ("side", "target", "contradicts"),
    [
        ("flat", 0.0, False),
        ("flat", -0.0, False),
        ("flat", 4e-7, False),  # less than half a micro-unit is nothing
        ("flat", 1e-6, True),
        ("long", 0.0, True),
        ("short", 4e-7, True),
        ("long", 1e-6, False),
    ],
)
def test_flat_goes_with_a_target_of_nothing_and_long_and_short_with_more(side, target, contradicts):
    verdict = verdict_of(Bench(), side=side, target_notional=target)

    assert (verdict.code is DenyCode.SIDE_CONTRADICTS) == contradicts
    if contradicts:
        sentence = "side and target contradict: flat goes with 0, long and short with more"
        assert_denied(verdict, DenyCode.SIDE_CONTRADICTS, sentence)


# standing


def test_nothing_passes_while_the_recorder_cannot_write():
    bench = Bench()

    verdict = verdict_of(bench, record={"is_audit_ok": False})

    assert_denied(verdict, DenyCode.AUDIT_UNAVAILABLE, "the audit cannot be written")
    assert_approved(verdict_of(bench), 4)


def test_nothing_passes_after_a_kill():
    bench = Bench()
    bench.command("kill")

    assert_denied(verdict_of(bench), DenyCode.KILLED, "the kill switch is latched")


def test_a_halt_without_a_latch_still_denies():
    bench = Bench()
    bench.command("kill")
    bench.gate._state.trading.is_killed = False  # no command does this; the check stands on its own

    assert_denied(verdict_of(bench), DenyCode.TRADING_HALTED, "trading is halted")


def test_the_breaker_of_one_principal_does_not_stop_another():
    bench = Bench()
    for number in range(3):
        bench.send(b"x" * number)

    sentence = "the invalid_input breaker of predict is open (breakers.invalid_input)"
    assert_denied(verdict_of(bench), DenyCode.BREAKER_INVALID_INPUT, sentence)
    assert_approved(verdict_of(bench, principal="drill"), 4)


def test_the_breaker_of_a_symbol_denies_after_its_mark_was_stale_too_often():
    bench = Bench()
    bench.advance(5_001, with_mark=False)
    bench.timer()
    bench.timer()

    sentence = "the stale_market breaker of FUT is open (breakers.stale_market)"
    assert_denied(
        verdict_of(bench, record={"marks": (make_mark(ts_event_ns=bench.now_ns),)}),
        DenyCode.BREAKER_STALE_MARKET,
        sentence,
    )


# 2 and 3: what the configuration says


@pytest.mark.parametrize(
    ("overrides", "code", "sentence"),
    [
        ({"strategy_id": "stray"}, DenyCode.STRATEGY_UNKNOWN, "stray has no strategy card (cards)"),
        (
            {"symbol": "GONE"},
            DenyCode.INSTRUMENT_UNKNOWN,
            "GONE is not in the instruments file (instruments)",
        ),
        (
            {"symbol": "NEW"},
            DenyCode.STRATEGY_INSTRUMENT,
            "the card of trend does not name NEW (cards.trend.instruments)",
        ),
        ({"symbol": "BARE"}, DenyCode.LIMITS_MISSING, "BARE has no limits (limits.per_symbol)"),
        (
            {"symbol": "EUR"},
            DenyCode.CURRENCY_UNSUPPORTED,
            "EUR is not priced in the account currency (limits.account_currency)",
        ),
        ({"symbol": "BAN"}, DenyCode.RESTRICTED, "BAN is on the restricted list (limits.restricted)"),
    ],
)
def test_what_the_configuration_does_not_allow_is_denied_where_people_can_change_it(
    overrides, code, sentence
):
    assert_denied(verdict_of(Bench(), **overrides), code, sentence)


def test_every_code_was_denied_with_somewhere_here():
    page = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_codes*.py"))

    assert [code for code in DenyCode if f"DenyCode.{code}" not in page] == []


def test_breakers_can_be_set_to_open_at_the_first_fault():
    limits = make_breaker_limits(faults_to_open=1)
    bench = Bench(make_config(make_limits(breakers=Breakers(invalid_input=limits, stale_market=limits))))

    first = bench.send(encode(make_intent(500, side="up")))

    assert first.verdict is not None
    assert first.verdict.code is DenyCode.INPUT_INVALID  # by its own fault, not by the breaker
    assert [change.state for change in first.breakers] == ["OPEN"]
    assert verdict_of(bench).code is DenyCode.BREAKER_INVALID_INPUT


def test_marks_decide_by_the_record_they_come_in():
    bench = Bench()
    bench.now_ns += 10 * MILLISECOND_NS

    verdict = verdict_of(
        bench, record={"marks": (make_mark(price_micro=2 * MARK_MICRO, ts_event_ns=bench.now_ns, seq=9),)}
    )

    assert (verdict.mark_price_micro, verdict.mark_seq) == (2 * MARK_MICRO, 9)
