"""Every reason to deny, from both sides of its boundary, and as a person reads it."""

from pathlib import Path

import pytest
from tests.risk.gate_records import LOT_MONEY, MARK_MICRO, START_NS, Bench, make_card, make_config, make_instrument
from tests.risk.gate_records import make_breaker_limits, make_fill, make_intent, make_limits, make_mark, make_session
from tests.risk.gate_records import make_symbol_limits

from contracts.codec import encode
from contracts.limits import Breakers
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from contracts.verdicts import DenyCode, Outcome, Verdict, describe


def verdict_of(bench: Bench, **overrides) -> Verdict:
    verdict = bench.propose(**overrides).verdict
    assert verdict is not None
    return verdict


def assert_denied(verdict: Verdict, code: DenyCode, sentence: str) -> None:
    assert (verdict.outcome, verdict.code) == (Outcome.DENIED, code)
    assert describe(verdict) == sentence
    assert verdict.denial is not None
    assert verdict.denial.code is code
    assert not verdict.denial.passed
    assert all(check.passed for check in verdict.checks[:-1])
    assert (verdict.lots, verdict.target_lots, verdict.expires_ts_ns) == (0, 0, 0)


def assert_approved(verdict: Verdict, lots: int) -> None:
    assert (verdict.outcome, verdict.code, verdict.lots) == (Outcome.APPROVED, None, lots), describe(verdict)
    assert all(check.passed for check in verdict.checks)


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
    assert (verdict.intent_id, verdict.strategy_id, verdict.symbol) == (make_intent(7).intent_id, "trend", "FUT")
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
def test_what_the_configuration_does_not_allow_is_denied_where_people_can_change_it(overrides, code, sentence):
    assert_denied(verdict_of(Bench(), **overrides), code, sentence)


# 4: mark and basis


def test_a_symbol_without_a_mark_is_denied():
    bench = Bench(has_mark=False)

    assert_denied(verdict_of(bench), DenyCode.MARK_MISSING, "FUT has no mark")
    assert_approved(verdict_of(bench, record={"marks": (make_mark(),)}), 4)


def test_a_mark_of_price_zero_takes_the_mark_away():
    bench = Bench()

    verdict = verdict_of(bench, record={"marks": (make_mark(price_micro=0),)})

    assert_denied(verdict, DenyCode.MARK_MISSING, "FUT has no mark")
    assert (verdict.mark_price_micro, verdict.mark_source) == (0, "")


@pytest.mark.parametrize(("late_ns", "passes"), [(-1, True), (0, True), (1, False)])
def test_a_mark_may_be_as_old_as_the_limit_and_no_older(late_ns, passes):
    bench = Bench()
    bench.now_ns += 5 * SECOND_NS + late_ns

    verdict = verdict_of(bench)

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = "the mark of FUT is 5,000 ms old; at most 5,000 ms (limits.mark_age_ms_max)"
        assert_denied(verdict, DenyCode.MARK_STALE, sentence)


@pytest.mark.parametrize(("late_ns", "passes"), [(-1, True), (0, True), (1, False)])
def test_an_intent_may_rest_on_a_row_as_old_as_the_limit_and_no_older(late_ns, passes):
    bench = Bench()

    verdict = verdict_of(bench, basis_ts_ns=START_NS - 2 * SECOND_NS - late_ns)

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = "the intent rests on a row 2,000 ms old; at most 2,000 ms (limits.basis_age_ms_max)"
        assert_denied(verdict, DenyCode.BASIS_STALE, sentence)


@pytest.mark.parametrize(("early_ns", "passes"), [(-1, True), (0, True), (1, False)])
def test_an_intent_may_rest_on_a_row_as_far_ahead_as_the_limit_and_no_farther(early_ns, passes):
    bench = Bench()

    verdict = verdict_of(bench, basis_ts_ns=START_NS + SECOND_NS + early_ns)

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = (
            "the intent rests on a row 1,000 ms ahead of the gate; at most 1,000 ms "
            "(limits.basis_ahead_ms_max)"
        )
        assert_denied(verdict, DenyCode.BASIS_AHEAD, sentence)


def test_an_intents_own_time_never_proves_freshness():
    bench = Bench()
    bench.now_ns += 6 * SECOND_NS

    verdict = verdict_of(bench, ts_event_ns=bench.now_ns)

    assert verdict.code is DenyCode.MARK_STALE


# 5: session


@pytest.mark.parametrize(
    ("open_ns", "close_ns", "is_open"),
    [
        (START_NS - 1, START_NS + 1, True),
        (START_NS, START_NS + 1, True),  # opening belongs to the session
        (START_NS + 1, START_NS + 2, False),
        (START_NS - 1, START_NS, False),  # closing does not
    ],
)
def test_a_session_holds_its_opening_and_not_its_close(open_ns, close_ns, is_open):
    verdict = verdict_of(Bench(), record={"sessions": (make_session("FUT", open_ns, close_ns),)})

    if is_open:
        assert_approved(verdict, 4)
    else:
        sentence = "FUT is outside its session (instruments.FUT.session)"
        assert_denied(verdict, DenyCode.SESSION_CLOSED, sentence)


def test_a_symbol_whose_session_nobody_told_is_closed():
    assert verdict_of(Bench(is_open=False)).code is DenyCode.SESSION_CLOSED


# 9: duplicates


def test_the_same_wish_on_the_same_row_is_denied_under_any_identity():
    bench = Bench()
    wish = {"basis_seq": 77, "target_notional": 3 * LOT_MONEY}
    assert_approved(verdict_of(bench, **wish), 3)

    verdict = verdict_of(bench, **wish, principal="drill")

    assert_denied(verdict, DenyCode.DUPLICATE_CONTENT, "the same wish was already made on the same row")
    assert verdict.denial is not None
    assert verdict.denial.unit == "count"


@pytest.mark.parametrize(
    "other",
    [
        {"strategy_id": "mean_revert"},
        {"side": "short"},
        {"target_notional": 3 * LOT_MONEY + 1e-6},
        {"basis_source": "other"},
        {"basis_seq": 78},
    ],
)
def test_a_wish_that_differs_in_any_part_is_another(other):
    bench = Bench()
    wish = {"basis_seq": 77, "target_notional": 3 * LOT_MONEY}
    bench.propose(**wish)

    assert verdict_of(bench, **(wish | other)).code is not DenyCode.DUPLICATE_CONTENT


def test_a_wish_that_was_denied_later_on_was_made_all_the_same_and_one_denied_before_was_not():
    bench = Bench()
    wish = {"basis_seq": 77, "max_slippage_bps": 10_000}
    assert verdict_of(bench, **wish).code is DenyCode.SLIPPAGE
    assert verdict_of(bench, **wish).code is DenyCode.DUPLICATE_CONTENT

    stale = {"basis_seq": 78, "basis_ts_ns": 0}
    assert verdict_of(bench, **stale).code is DenyCode.BASIS_STALE
    assert_approved(verdict_of(bench, basis_seq=78), 4)


# 2: lots


@pytest.mark.parametrize(("target", "lots"), [(4_999.999999, 0), (5_000.0, 1), (5_000.000001, 1), (9_999.9, 1)])
def test_a_target_is_turned_into_lots_towards_zero(target, lots):
    for side, sign in (("long", 1), ("short", -1)):
        verdict = verdict_of(Bench(), side=side, target_notional=target)
        if lots:
            assert_approved(verdict, sign * lots)
        else:
            assert_denied(verdict, DenyCode.LOTS_ZERO, "the target is less than one lot of FUT")


def test_a_target_that_is_held_or_open_already_changes_nothing():
    bench = Bench()
    assert_approved(verdict_of(bench), 4)

    sentence = "trend already holds, or has open, this target in FUT"
    assert_denied(verdict_of(bench), DenyCode.NO_CHANGE, sentence)
    assert_denied(verdict_of(Bench(), side="flat", target_notional=0.0), DenyCode.NO_CHANGE, sentence)
    assert_approved(verdict_of(bench, target_notional=5 * LOT_MONEY), 1)
    assert_approved(verdict_of(bench, side="short", target_notional=LOT_MONEY), -6)


@pytest.mark.parametrize(
    ("size", "price_micro", "overflows"),
    [
        (1e-6, 1, True),  # a lot is worth next to nothing: 10^30 of them
        (1.0, 2**63 - 1, False),
    ],
)
def test_amounts_beyond_64_bits_are_denied(size, price_micro, overflows):
    instrument = make_instrument(multiplier=size, lot_size=size)
    bench = Bench(make_config(instruments=(instrument,), cards=(make_card(instruments=("FUT",), target_notional_max=1e12),)))

    verdict = verdict_of(bench, target_notional=1e12, record={"marks": (make_mark(price_micro=price_micro),)})

    assert (verdict.code is DenyCode.AMOUNT_OVERFLOW) == overflows
    if overflows:
        assert_denied(verdict, DenyCode.AMOUNT_OVERFLOW, "the amount does not fit 64 bits")


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (2**63 - 3, DenyCode.POSITION_NOTIONAL),
        (2**63 - 2, DenyCode.POSITION_NOTIONAL),
        (2**63 - 1, DenyCode.AMOUNT_OVERFLOW),
    ],
)
def test_a_position_may_be_as_large_as_64_bits_before_it_meets_its_limit(held, code):
    """At a mark of one micro-unit a lot is worth one micro-unit."""
    bench = Bench(make_config(instruments=(make_instrument(multiplier=1.0),)))
    largest, owner = 2**53, make_intent(99, strategy_id="mean_revert")
    for number in range(held // largest + 1):
        bench.fill(make_fill(owner, min(largest, held - number * largest), number))

    verdict = verdict_of(bench, target_notional=1e-6, record={"marks": (make_mark(price_micro=1),)})

    assert verdict.code is code


# 5: trading state


@pytest.mark.parametrize(
    ("side", "lots", "passes"),
    [
        ("long", 3, True),
        ("flat", 0, True),
        ("long", 5, False),
        ("short", 1, False),
        ("short", 3, False),
    ],
)
def test_while_reducing_only_what_brings_the_strategy_nearer_to_flat_on_its_side_passes(side, lots, passes):
    bench = Bench()
    intent = make_intent(1_000)
    bench.propose(intent)
    bench.fill(make_fill(intent, 4))
    bench.command("reduce")

    verdict = verdict_of(bench, side=side, target_notional=lots * LOT_MONEY)

    if passes:
        assert_approved(verdict, lots - 4)
    else:
        sentence = "trading is reducing: this would not bring FUT nearer to flat"
        assert_denied(verdict, DenyCode.TRADING_REDUCING, sentence)


# 6: notionals


@pytest.mark.parametrize(("target", "passes"), [(79_999.999999, True), (80_000.0, True), (80_000.000001, False)])
def test_a_target_may_be_as_large_as_its_card_says_and_no_larger(target, passes):
    limits = make_limits(per_symbol={"FUT": make_symbol_limits(order_notional_max=1e6, position_notional_max=1e6)})

    verdict = verdict_of(Bench(make_config(limits)), target_notional=target)

    if passes:
        assert_approved(verdict, int(target // LOT_MONEY))
    else:
        sentence = "trend asks for 80,000.01; its card allows 80,000.00 (cards.trend.target_notional_max)"
        assert_denied(verdict, DenyCode.STRATEGY_NOTIONAL, sentence)


@pytest.mark.parametrize(("limit", "passes"), [(20_000.000001, True), (20_000.0, True), (19_999.999999, False)])
def test_a_change_may_be_as_large_as_the_order_limit_and_no_larger(limit, passes):
    limits = make_limits(per_symbol={"FUT": make_symbol_limits(order_notional_max=limit)})

    verdict = verdict_of(Bench(make_config(limits)))

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = (
            "FUT would change by 20,000.00; the limit is 20,000.00 "
            "(limits.per_symbol.FUT.order_notional_max)"
        )
        assert_denied(verdict, DenyCode.ORDER_NOTIONAL, sentence)


def test_money_is_rounded_up_before_it_meets_its_limit():
    """A third of a micro-unit too much is too much."""
    instrument = make_instrument(multiplier=1e-6, lot_size=1.0)
    for limit, passes in ((2e-6, True), (1e-6, False)):
        limits = make_limits(per_symbol={"FUT": make_symbol_limits(order_notional_max=limit)})
        config = make_config(limits, instruments=(instrument,), cards=(make_card(instruments=("FUT",)),))
        marks = (make_mark(price_micro=1_333_333),)  # one lot is worth 1.333333 micro-units
        verdict = verdict_of(
            Bench(config, has_mark=False), target_notional=2e-6, record={"marks": marks}
        )
        assert (verdict.code is None) == passes


# 7: position with open approvals


@pytest.mark.parametrize(("limit", "passes"), [(60_000.000001, True), (60_000.0, True), (59_999.999999, False)])
def test_positions_open_approvals_and_the_change_together_may_reach_the_position_limit(limit, passes):
    symbol_limits = make_symbol_limits(position_notional_max=limit)
    bench = Bench(make_config(make_limits(per_symbol={"FUT": symbol_limits})))
    held = make_intent(1_001, strategy_id="mean_revert")
    bench.propose(held)
    bench.fill(make_fill(held, 4))
    assert_approved(verdict_of(bench, strategy_id="mean_revert", target_notional=8 * LOT_MONEY), 4)

    verdict = verdict_of(bench)

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = (
            "FUT could reach 60,000.00; the limit is 60,000.00 "
            "(limits.per_symbol.FUT.position_notional_max)"
        )
        assert_denied(verdict, DenyCode.POSITION_NOTIONAL, sentence)


def found_of(verdict: Verdict, code: DenyCode) -> int:
    return next(check.found for check in verdict.checks if check.code is code)


def test_the_worst_case_counts_fills_of_all_strategies_net_and_open_approvals_of_the_orders_side_only():
    bench = Bench(make_config(make_limits(per_symbol={"FUT": make_symbol_limits(position_notional_max=1e6)})))
    intent = make_intent(2_000)
    bench.fill(make_fill(intent, 7, 1))
    bench.fill(make_fill(make_intent(2_001, strategy_id="mean_revert"), -2, 2))
    assert_approved(verdict_of(bench, target_notional=9 * LOT_MONEY), 2)  # open: +2
    assert_approved(verdict_of(bench, strategy_id="mean_revert", side="short", target_notional=5 * LOT_MONEY), -3)

    long_side = verdict_of(bench, target_notional=10 * LOT_MONEY)
    short_side = verdict_of(bench, strategy_id="mean_revert", side="short", target_notional=6 * LOT_MONEY)

    # Long: 7 - 2 filled, +2 open, +1 now. Short: filled is long so 0, 3 open, 1 now.
    assert found_of(long_side, DenyCode.POSITION_NOTIONAL) == 8 * 5_000_000_000
    assert found_of(short_side, DenyCode.POSITION_NOTIONAL) == 4 * 5_000_000_000


# 8: price collar


@pytest.mark.parametrize(("slippage", "passes"), [(24, True), (25, True), (26, False)])
def test_an_intent_may_allow_as_much_slippage_as_the_limit_and_no_more(slippage, passes):
    verdict = verdict_of(Bench(), max_slippage_bps=slippage)

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = "the intent allows 26 bps of slippage; at most 25 bps (limits.per_symbol.FUT.slippage_bps_max)"
        assert_denied(verdict, DenyCode.SLIPPAGE, sentence)


@pytest.mark.parametrize(("collar", "passes"), [(11, True), (10, True), (9, False)])
def test_the_worst_price_may_lie_as_far_from_the_reference_as_the_collar_and_no_farther(collar, passes):
    limits = make_limits(per_symbol={"FUT": make_symbol_limits(collar_bps=collar)})

    verdict = verdict_of(Bench(make_config(limits)))

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = "the price could lie 10 bps from the reference; at most 9 bps (limits.per_symbol.FUT.collar_bps)"
        assert_denied(verdict, DenyCode.PRICE_COLLAR, sentence)


def test_every_code_was_denied_with_somewhere_in_this_file():
    page = Path(__file__).read_text(encoding="utf-8")

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
