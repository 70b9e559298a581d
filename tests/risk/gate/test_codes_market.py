"""Every reason to deny, from both sides of its boundary: marks, sessions, duplicates and prices."""

import pytest

from contracts.scalars import SECOND_NS
from contracts.verdicts import DenyCode
from tests.risk.gate_records import (
    LOT_MONEY,
    START_NS,
    Bench,
    make_config,
    make_limits,
    make_mark,
    make_session,
    make_symbol_limits,
)
from tests.risk.verdicts import assert_approved, assert_denied, verdict_of

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


# 8: price collar


@pytest.mark.parametrize(("slippage", "passes"), [(24, True), (25, True), (26, False)])
def test_an_intent_may_allow_as_much_slippage_as_the_limit_and_no_more(slippage, passes):
    verdict = verdict_of(Bench(), max_slippage_bps=slippage)

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = (
            "the intent allows 26 bps of slippage; at most 25 bps (limits.per_symbol.FUT.slippage_bps_max)"
        )
        assert_denied(verdict, DenyCode.SLIPPAGE, sentence)


@pytest.mark.parametrize(("collar", "passes"), [(11, True), (10, True), (9, False)])
def test_the_worst_price_may_lie_as_far_from_the_reference_as_the_collar_and_no_farther(collar, passes):
    limits = make_limits(per_symbol={"FUT": make_symbol_limits(collar_bps=collar)})

    verdict = verdict_of(Bench(make_config(limits)))

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = (
            "the price could lie 10 bps from the reference; at most 9 bps (limits.per_symbol.FUT.collar_bps)"
        )
        assert_denied(verdict, DenyCode.PRICE_COLLAR, sentence)


def test_a_wish_outside_the_session_was_not_made():
    bench = Bench(is_open=False)
    assert verdict_of(bench, basis_seq=77).code is DenyCode.SESSION_CLOSED

    assert_approved(verdict_of(bench, basis_seq=77, record={"sessions": (make_session(),)}), 4)
