"""Every reason to deny, from both sides of its boundary: lots, trading state and notionals."""

import pytest

from contracts.scalars import SECOND_NS
from contracts.verdicts import DenyCode
from tests.risk.gate_records import (
    LOT_MONEY,
    Bench,
    make_card,
    make_config,
    make_fill,
    make_instrument,
    make_intent,
    make_limits,
    make_mark,
    make_session,
    make_symbol_limits,
)
from tests.risk.verdicts import assert_approved, assert_denied, found_of, verdict_of

# 2: lots


@pytest.mark.parametrize(
    ("target", "lots"), [(4_999.999999, 0), (5_000.0, 1), (5_000.000001, 1), (9_999.9, 1)]
)
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
    bench = Bench(
        make_config(
            instruments=(instrument,), cards=(make_card(instruments=("FUT",), target_notional_max=1e12),)
        )
    )

    verdict = verdict_of(bench, target_notional=1e12, record={"marks": (make_mark(price_micro=price_micro),)})

    assert (verdict.code is DenyCode.AMOUNT_OVERFLOW) == overflows
    if overflows:
        assert_denied(verdict, DenyCode.AMOUNT_OVERFLOW, "the amount does not fit 64 bits")


@pytest.mark.parametrize(
    ("held", "mark_micro", "code"),
    [
        (2**63 - 3, 1, DenyCode.POSITION_NOTIONAL),
        (2**63 - 2, 1, DenyCode.POSITION_NOTIONAL),
        (2**63 - 1, 1, DenyCode.AMOUNT_OVERFLOW),  # the lots
        (2**62 - 3, 2, DenyCode.POSITION_NOTIONAL),
        (2**62 - 2, 2, DenyCode.POSITION_NOTIONAL),
        (2**62 - 1, 2, DenyCode.AMOUNT_OVERFLOW),  # their money
    ],
)
def test_a_position_may_be_as_large_as_64_bits_before_it_meets_its_limit(held, mark_micro, code):
    """A lot is worth as many micro-units as the mark."""
    bench = Bench(make_config(instruments=(make_instrument(multiplier=1.0),)))
    largest, owner = 2**53, make_intent(99, strategy_id="mean_revert")
    for number in range(held // largest + 1):
        bench.fill(make_fill(owner, min(largest, held - number * largest), number))

    marks = (make_mark(price_micro=mark_micro),)
    verdict = verdict_of(bench, target_notional=mark_micro * 1e-6, record={"marks": marks})

    assert verdict.code is code


@pytest.mark.parametrize(("late_ns", "code"), [(-1, None), (0, None), (1, DenyCode.AMOUNT_OVERFLOW)])
def test_an_approval_must_lapse_within_64_bits_of_time(late_ns, code):
    bench = Bench()
    bench.now_ns = 2**63 - 1 - 5 * SECOND_NS + late_ns
    fresh = {"marks": (make_mark(ts_event_ns=bench.now_ns),), "sessions": (make_session(close_ns=2**63 - 1),)}

    assert verdict_of(bench, record=fresh).code is code


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


@pytest.mark.parametrize(
    ("target", "passes"), [(79_999.999999, True), (80_000.0, True), (80_000.000001, False)]
)
def test_a_target_may_be_as_large_as_its_card_says_and_no_larger(target, passes):
    limits = make_limits(
        per_symbol={"FUT": make_symbol_limits(order_notional_max=1e6, position_notional_max=1e6)}
    )

    verdict = verdict_of(Bench(make_config(limits)), target_notional=target)

    if passes:
        assert_approved(verdict, int(target // LOT_MONEY))
    else:
        sentence = "trend asks for 80,000.01; its card allows 80,000.00 (cards.trend.target_notional_max)"
        assert_denied(verdict, DenyCode.STRATEGY_NOTIONAL, sentence)


@pytest.mark.parametrize(
    ("limit", "passes"), [(20_000.000001, True), (20_000.0, True), (19_999.999999, False)]
)
def test_a_change_may_be_as_large_as_the_order_limit_and_no_larger(limit, passes):
    limits = make_limits(per_symbol={"FUT": make_symbol_limits(order_notional_max=limit)})

    verdict = verdict_of(Bench(make_config(limits)))

    if passes:
        assert_approved(verdict, 4)
    else:
        sentence = (
            "FUT would change by 20,000.00; the limit is 20,000.00 (limits.per_symbol.FUT.order_notional_max)"
        )
        assert_denied(verdict, DenyCode.ORDER_NOTIONAL, sentence)


def test_money_is_rounded_up_before_it_meets_its_limit():
    """A third of a micro-unit too much is too much."""
    instrument = make_instrument(multiplier=1e-6, lot_size=1.0)
    for limit, passes in ((2e-6, True), (1e-6, False)):
        limits = make_limits(per_symbol={"FUT": make_symbol_limits(order_notional_max=limit)})
        config = make_config(limits, instruments=(instrument,), cards=(make_card(instruments=("FUT",)),))
        marks = (make_mark(price_micro=1_333_333),)  # one lot is worth 1.333333 micro-units
        verdict = verdict_of(Bench(config, has_mark=False), target_notional=2e-6, record={"marks": marks})
        assert (verdict.code is None) == passes


# 7: position with open approvals


@pytest.mark.parametrize(
    ("limit", "passes"), [(60_000.000001, True), (60_000.0, True), (59_999.999999, False)]
)
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
            "FUT could reach 60,000.00; the limit is 60,000.00 (limits.per_symbol.FUT.position_notional_max)"
        )
        assert_denied(verdict, DenyCode.POSITION_NOTIONAL, sentence)


def test_the_worst_case_counts_fills_of_all_strategies_net_and_open_approvals_of_the_orders_side_only():
    bench = Bench(make_config(make_limits(per_symbol={"FUT": make_symbol_limits(position_notional_max=1e6)})))
    intent = make_intent(2_000)
    bench.fill(make_fill(intent, 7, 1))
    bench.fill(make_fill(make_intent(2_001, strategy_id="mean_revert"), -2, 2))
    assert_approved(verdict_of(bench, target_notional=9 * LOT_MONEY), 2)  # open: +2
    assert_approved(
        verdict_of(bench, strategy_id="mean_revert", side="short", target_notional=5 * LOT_MONEY), -3
    )

    long_side = verdict_of(bench, target_notional=10 * LOT_MONEY)
    short_side = verdict_of(bench, strategy_id="mean_revert", side="short", target_notional=6 * LOT_MONEY)

    # Long: 7 - 2 filled, +2 open, +1 now. Short: filled is long so 0, 3 open, 1 now.
    assert found_of(long_side, DenyCode.POSITION_NOTIONAL) == 8 * 5_000_000_000
    assert found_of(short_side, DenyCode.POSITION_NOTIONAL) == 4 * 5_000_000_000


def test_the_worst_case_of_a_seller_counts_what_is_short_already():
    limits = make_limits(per_symbol={"FUT": make_symbol_limits(position_notional_max=1e6)})
    bench = Bench(make_config(limits))
    bench.fill(make_fill(make_intent(2_000), -5))

    verdict = verdict_of(bench, side="short", target_notional=6 * LOT_MONEY)

    assert_approved(verdict, -1)
    assert found_of(verdict, DenyCode.POSITION_NOTIONAL) == 6 * 5_000_000_000
