"""Headroom: each limit, as the room that it leaves. A lot of ``FUT`` is worth 5,000.

``penstock prove unsayable`` holds every one of these against the gate; here each is told apart.
"""

import pytest
from msgspec.structs import replace

from contracts.codec import decode, encode
from contracts.scalars import INT64_MAX, MILLISECOND_NS
from contracts.slm import Headroom
from contracts.states import TradingState
from risk.room import Standing, SymbolStanding, headroom
from tests.risk.gate_records import (
    MARK_MICRO,
    START_NS,
    Bench,
    make_card,
    make_config,
    make_instrument,
    make_limits,
    make_symbol_limits,
)

FUT = SymbolStanding(
    mark_micro=MARK_MICRO, mark_ts_event_ns=START_NS, reference_micro=MARK_MICRO, close_ns=2**62
)


def make_standing(symbol: str = "FUT", *, stands: SymbolStanding = FUT, **overrides) -> Standing:
    values = {"strategy_id": "trend", "gate_ts_ns": START_NS, "symbols": {symbol: stands}}
    return Standing(**values | overrides)


def with_limits(**overrides):
    """``order_notional_max`` is 50,000 and ``position_notional_max`` 100,000: 10 and 20 lots."""
    return make_config(make_limits(per_symbol={"FUT": make_symbol_limits(**overrides)}))


def targets(room: Headroom) -> list[int]:
    """The lots of every rung, signed by its side."""
    signs = {"long": 1, "flat": 0, "short": -1}
    return sorted(rung.lots * signs[ladder.side] for ladder in room.ladders for rung in ladder.rungs)


def standing_at(**overrides) -> Standing:
    return make_standing(stands=replace(FUT, **overrides))


def test_from_flat_the_order_limit_bounds_both_sides():
    config = with_limits(order_notional_max=20_000.0)
    assert targets(headroom(config, make_standing())) == [-4, -3, -2, -1, 1, 2, 3, 4]


def test_the_order_limit_is_of_the_change_and_what_is_held_is_no_move():
    config = with_limits(order_notional_max=10_000.0)
    assert targets(headroom(config, standing_at(mine=1, held=1))) == [-1, 0, 2, 3]
    assert targets(headroom(config, standing_at(mine=-3, held=-3))) == [-5, -4, -2, -1]


def test_a_hair_less_than_a_lot_is_a_lot_less():
    assert targets(headroom(with_limits(order_notional_max=9_999.999999), make_standing())) == [-1, 1]


def test_the_position_limit_counts_the_desk_and_every_open_approval_on_the_side():
    config = with_limits(position_notional_max=25_000.0)
    stands = standing_at(mine=0, held=2, open_long=2, open_short=3)
    assert targets(headroom(config, stands)) == [-2, -1, 1]


def test_a_position_beyond_its_limit_still_leaves_the_other_side():
    config = with_limits(position_notional_max=10_000.0)
    assert targets(headroom(config, standing_at(mine=3, held=3))) == [1, 2]


def test_the_card_bounds_the_target_and_not_the_change():
    config = replace(make_config(), cards=(make_card("trend", target_notional_max=10_000.0),))
    assert targets(headroom(config, standing_at(mine=-5, held=-5))) == [-2, -1, 0, 1, 2]


def test_reducing_leaves_only_what_is_nearer_to_flat_on_the_same_side():
    for mine, expected in ((3, [0, 1, 2]), (-2, [-1, 0]), (0, [])):
        stands = make_standing(stands=replace(FUT, mine=mine, held=mine), trading_state=TradingState.REDUCING)
        assert targets(headroom(make_config(), stands)) == expected


def test_more_sizes_than_rungs_are_an_even_choice_with_both_ends():
    room = headroom(make_config(), make_standing())
    assert [rung.lots for rung in room.ladders[0].rungs] == [1, 2, 3, 4, 6, 7, 8, 10]


def test_slippage_is_bounded_by_the_limit_and_by_the_collar_in_the_orders_direction():
    config = with_limits(collar_bps=10, slippage_bps_max=25)
    room = headroom(config, standing_at(reference_micro=MARK_MICRO - 50_000, mine=1, held=1))
    found = {ladder.action: (ladder.slippage_bps_min, ladder.slippage_bps_max) for ladder in room.ladders}
    assert found == {"buy": (0, 4), "sell": (0, 14)}


def nothing(config, standing) -> bool:
    return not headroom(config, standing).ladders


@pytest.mark.parametrize(
    ("stands", "is_room"),
    [
        ({"mark_ts_event_ns": START_NS - 5_000 * MILLISECOND_NS}, True),
        ({"mark_ts_event_ns": START_NS - 5_000 * MILLISECOND_NS - 1}, False),
        ({"mark_micro": 0}, False),
        ({"open_ns": START_NS}, True),
        ({"open_ns": START_NS + 1}, False),
        ({"close_ns": START_NS + 1}, True),
        ({"close_ns": START_NS}, False),
        ({"is_breaker_open": True}, False),
        ({"reference_micro": MARK_MICRO * 2}, False),
    ],
)
def test_without_a_market_there_is_no_room(stands, is_room):
    assert nothing(make_config(), standing_at(**stands)) != is_room


@pytest.mark.parametrize("symbol", ["EUR", "BAN", "BARE", "NEW", "GHOST"])
def test_a_symbol_that_may_not_be_traded_has_no_room(symbol):
    assert nothing(make_config(), make_standing(symbol))


def test_what_denies_everything_leaves_no_room():
    config = make_config()
    assert not nothing(config, make_standing())
    assert nothing(config, make_standing(is_stopped=True))
    assert nothing(config, make_standing(trading_state=TradingState.HALTED))
    assert nothing(config, make_standing(strategy_id="nobody"))
    late = replace(FUT, mark_ts_event_ns=INT64_MAX, close_ns=INT64_MAX + 1)
    assert nothing(config, make_standing(stands=late, gate_ts_ns=INT64_MAX))


def test_a_lot_that_nothing_within_the_limits_buys_leaves_only_flat():
    config = replace(make_config(), instruments=(make_instrument("FUT", multiplier=1e6),))
    assert nothing(config, make_standing())


def test_a_headroom_says_whose_it_is_when_and_of_which_limits():
    room, gate = headroom(make_config(), make_standing()), Bench(make_config()).gate
    assert (room.strategy_id, room.ts_event_ns, room.limits_hash) == ("trend", START_NS, gate.limits_hash())
    assert decode(Headroom, encode(room)) == room


def test_every_rung_is_approved_for_exactly_its_lots():
    for ladder in headroom(make_config(), make_standing()).ladders:
        for rung in ladder.rungs:
            bps = ladder.slippage_bps_max
            verdict = (
                Bench()
                .propose(side=ladder.side, target_notional=rung.target_notional, max_slippage_bps=bps)
                .verdict
            )
            assert abs(verdict.lots) == rung.lots
