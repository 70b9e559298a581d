"""The gate's view of the market: coalesced marks, gate time, sessions. See services/gate/market.py."""

import numpy as np
import pytest

from contracts.columns import pack
from contracts.instruments import Instrument, SessionWindow, TradingSession
from contracts.market import COLUMNS_OF_KIND, Clock, TickBatch
from services.gate.market import SILENT_NS, MarketView

SECOND_NS = 1_000_000_000
MONDAY_NS = 1_378_080_000 * SECOND_NS  # 2013-09-02 00:00 UTC


def trades(*rows: tuple[int, float], symbol: str = "ES", first_seq: int = 1) -> TickBatch:
    columns = {
        "ts_event_ns": np.array([MONDAY_NS + ts for ts, _ in rows]),
        "price": np.array([price for _, price in rows]),
        "size": np.ones(len(rows)),
        "aggressor": np.zeros(len(rows)),
    }
    return TickBatch(
        source="es",
        venue="CME",
        symbol=symbol,
        kind="trade",
        first_seq=first_seq,
        count=len(rows),
        ts_recv_ns=0,
        columns=pack(COLUMNS_OF_KIND["trade"], columns),
    )


def quotes(ts_event_ns: int, bid: float, ask: float) -> TickBatch:
    values = {
        "ts_event_ns": MONDAY_NS + ts_event_ns,
        "bid_price": bid,
        "bid_size": 1,
        "ask_price": ask,
        "ask_size": 1,
    }
    columns = {name: np.array([value]) for name, value in values.items()}
    return TickBatch(
        source="es",
        venue="CME",
        symbol="ES",
        kind="quote",
        first_seq=7,
        count=1,
        ts_recv_ns=0,
        columns=pack(COLUMNS_OF_KIND["quote"], columns),
    )


def clock(ts_event_ns: int) -> Clock:
    return Clock(source="es", ts_event_ns=MONDAY_NS + ts_event_ns, ts_recv_ns=0)


def instrument(opens: str = "MON 08:00", closes: str = "MON 16:00") -> Instrument:
    session = TradingSession(
        name="test", time_zone="UTC", windows=(SessionWindow(opens=opens, closes=closes),)
    )
    return Instrument(
        symbol="ES",
        venue="CME",
        kind="future",
        currency="USD",
        tick_size=0.25,
        lot_size=1.0,
        multiplier=50.0,
        session=session,
    )


def test_hands_out_only_the_newest_row_of_a_symbol():
    view = MarketView()
    view.take_batch(trades((10, 1640.25), (20, 1640.5)), 0)
    view.take_batch(trades((30, 1641.0), first_seq=3), 0)

    (mark,) = view.changes(0).marks

    assert (mark.price_micro, mark.ts_event_ns, mark.seq) == (1_641_000_000, MONDAY_NS + 30, 3)


def test_hands_a_mark_out_again_until_it_is_journaled():
    view = MarketView()
    view.take_batch(trades((10, 1640.0)), 0)
    first = view.changes(0)

    assert view.changes(0).marks == first.marks
    view.journaled(first)
    assert view.changes(0).marks == ()


def test_keeps_a_mark_that_came_while_an_older_one_was_being_journaled():
    view = MarketView()
    view.take_batch(trades((10, 1640.0)), 0)
    first = view.changes(0)
    view.take_batch(trades((20, 1640.25), first_seq=2), 0)
    view.journaled(first)

    assert [mark.seq for mark in view.changes(0).marks] == [2]


def test_marks_a_quote_at_its_mid():
    view = MarketView()
    view.take_batch(quotes(10, 1640.0, 1640.25), 0)

    assert view.changes(0).marks[0].price_micro == 1_640_125_000


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -1.0, 0.0, 4e-7, 1.1e9])
def test_refuses_a_price_that_is_no_price_and_keeps_what_it_had(price: float):
    view = MarketView()
    view.take_batch(trades((10, 1640.0)), 0)

    with pytest.raises(ValueError, match="last price is"):
        view.take_batch(trades((20, price), first_seq=2), 0)

    assert view.changes(0).marks[0].seq == 1
    assert view.ts_event_ns == MONDAY_NS + 10


def test_gate_time_is_the_largest_event_time_seen():
    view = MarketView()
    view.take_clock(clock(100), 0)
    view.take_batch(trades((40, 1640.0)), 0)

    assert view.changes(0).gate_ts_ns == MONDAY_NS + 100


def test_gate_time_follows_the_wall_once_the_feed_is_silent():
    view = MarketView()
    view.take_clock(clock(5 * SECOND_NS), 0)

    assert view.changes(SILENT_NS).gate_ts_ns == MONDAY_NS + 5 * SECOND_NS
    assert view.changes(SILENT_NS + 1).gate_ts_ns == MONDAY_NS + 6 * SECOND_NS + 1


def test_silence_is_counted_once_when_it_is_journaled_in_steps():
    view = MarketView()
    view.take_clock(clock(5 * SECOND_NS), 0)
    for wall_ns in (2 * SECOND_NS, 4 * SECOND_NS, 6 * SECOND_NS):
        view.journaled(view.changes(wall_ns))

    assert view.ts_event_ns == MONDAY_NS + 11 * SECOND_NS
    assert view.quiet_ns == 6 * SECOND_NS


def test_a_feed_that_comes_back_ends_the_silence():
    view = MarketView()
    view.take_clock(clock(5 * SECOND_NS), 0)
    view.journaled(view.changes(2 * SECOND_NS))
    view.take_clock(clock(8 * SECOND_NS), 3 * SECOND_NS)

    assert view.quiet_ns == 0
    assert view.changes(3 * SECOND_NS).gate_ts_ns == MONDAY_NS + 8 * SECOND_NS


def test_no_time_passes_before_the_first_market_message():
    assert MarketView().changes(3_600 * SECOND_NS).gate_ts_ns == 0


def test_says_the_session_once_and_again_when_it_has_closed():
    view = MarketView()
    view.use([instrument()])
    view.take_clock(clock(9 * 3_600 * SECOND_NS), 0)
    first = view.changes(0)
    view.journaled(first)
    quiet = view.changes(0)
    view.take_clock(clock(16 * 3_600 * SECOND_NS), 0)

    (session,) = first.sessions
    assert session.open_ns == MONDAY_NS + 8 * 3_600 * SECOND_NS
    assert session.close_ns == MONDAY_NS + 16 * 3_600 * SECOND_NS
    assert quiet.sessions == ()
    assert view.changes(0).sessions[0].open_ns == session.open_ns + 7 * 86_400 * SECOND_NS


def test_says_no_session_before_there_is_a_time():
    view = MarketView()
    view.use([instrument()])

    assert view.changes(0).sessions == ()


def test_a_late_row_does_not_replace_a_newer_mark():
    view = MarketView()
    view.take_batch(trades((10, 1640.0)), 0)
    view.take_batch(trades((5, 1600.0), first_seq=2), 0)

    assert view.changes(0).marks[0].price_micro == 1_640_000_000


def test_an_old_row_brings_no_mark_back_after_a_restart():
    before = MarketView()
    before.take_batch(trades((10, 1640.0), (20, 1641.0)), 0)
    (mark,) = before.changes(0).marks
    view = MarketView(mark.ts_event_ns, [mark])
    view.take_batch(trades((10, 1640.0), (20, 1641.0)), 0)

    assert view.changes(0).marks == ()


@pytest.mark.parametrize("ts_event_ns", [-MONDAY_NS, 10**15 - MONDAY_NS, 8 * 10**18 - MONDAY_NS])
def test_a_time_that_no_market_can_have_is_refused_and_moves_nothing(ts_event_ns: int):
    view = MarketView()
    view.take_clock(clock(100), 0)

    with pytest.raises(ValueError, match="ts_event_ns is"):
        view.take_clock(clock(ts_event_ns), 0)
    with pytest.raises(ValueError, match="ts_event_ns is"):
        view.take_batch(trades((ts_event_ns, 1640.0)), 0)

    assert view.ts_event_ns == MONDAY_NS + 100


@pytest.mark.parametrize(("bid", "ask"), [(0.0, 1640.0), (-1640.0, 3280.0), (1641.0, 1640.0)])
def test_a_quote_whose_sides_are_no_prices_or_crossed_is_no_mark(bid: float, ask: float):
    with pytest.raises(ValueError, match=r"last (price|quote) is"):
        MarketView().take_batch(quotes(10, bid, ask), 0)
