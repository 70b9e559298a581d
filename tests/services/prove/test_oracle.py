"""The oracle against sums done by hand, so that it is not only the gate's echo.

One E-mini lot at 1,640.00 is 1,640 x 50 = 82,000; the limits allow 12 lots an order and 80 a symbol.
"""

import random
from typing import Any

import msgspec
import pytest

from contracts import codec, subjects
from contracts.gate import GateRecord, MarkChange, RecordKind, SessionChange
from services.prove.hostile import world
from services.prove.hostile.people import People
from services.prove.oracle import Oracle, Ruling

LOT = 82_000.0
NOW_NS = 1_700_000_000_000_000_000
TTL_NS = 800_000_000


class Bench:
    """An oracle on the bench: the world's first configuration, ES at 1,640.00, time standing still."""

    def __init__(self) -> None:
        self.oracle = Oracle()
        self.seq, self.now_ns = 0, NOW_NS
        self.send(RecordKind.CONFIG, codec.encode(world.configuration()))
        self.mark(1_640_000_000)

    def send(self, kind: RecordKind, body: bytes = b"", **changed: Any) -> Ruling:
        self.seq += 1
        record = GateRecord(seq=self.seq, kind=kind, gate_ts_ns=self.now_ns, body=body, **changed)
        return self.oracle.judge(record)

    def mark(self, price_micro: int, age_ns: int = 0) -> None:
        mark = MarkChange("ES", price_micro, self.now_ns - age_ns, "sim", self.seq)
        self.send(RecordKind.TIMER, marks=(mark,), sessions=(SessionChange("ES", 0, 2**62),))

    def ask(self, side: str, target: float, **changed: Any) -> Ruling:
        fields: dict[str, Any] = {
            "schema": "intent.v1",
            "symbol": "ES",
            "side": side,
            "target_notional": target,
            "urgency": "low",
            "max_slippage_bps": 0,
            "intent_id": f"{self.seq:032x}",
            "strategy_id": "alpha",
            "ts_event_ns": 0,
            "basis_source": "sim",
            "basis_seq": self.seq,
            "basis_ts_ns": self.now_ns,
        } | changed
        subject = subjects.intent_proposed(fields["strategy_id"], fields["symbol"])
        body = msgspec.msgpack.encode(fields)
        return self.send(RecordKind.INTENT, body, subject=subject, principal="predict")

    def fill(self, filled: int, intent_id: str, /, **changed: Any) -> Ruling:
        fields = {
            "schema": "fill.v1",
            "fill_id": f"{self.seq:032x}",
            "intent_id": intent_id,
            "principal": "predict",
            "strategy_id": "alpha",
            "symbol": "ES",
            "lots": filled,
            "price_micro": 1,
            "ts_event_ns": 1,
        } | changed
        return self.send(RecordKind.FILL, msgspec.msgpack.encode(fields))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def denied(code: str) -> Ruling:
    return Ruling("DENIED", code)


def approved(lots: int, target: int) -> Ruling:
    return Ruling("APPROVED", "", lots, target, NOW_NS + TTL_NS)


def test_rounds_lots_towards_zero(bench: Bench) -> None:
    assert bench.ask("short", 2 * LOT - 0.000001) == approved(-1, -1)
    assert bench.ask("short", 2 * LOT) == approved(-1, -2)


def test_less_than_a_lot_is_none(bench: Bench) -> None:
    assert bench.ask("long", LOT - 0.000001) == denied("LOTS_ZERO")


def test_half_a_millionth_rounds_to_nothing(bench: Bench) -> None:
    assert bench.ask("long", 5e-7) == denied("SIDE_CONTRADICTS")
    assert bench.ask("long", 5.1e-7) == denied("LOTS_ZERO")


def test_twelve_lots_pass_and_thirteen_do_not(bench: Bench) -> None:
    assert bench.ask("long", 13 * LOT) == denied("ORDER_NOTIONAL")
    assert bench.ask("long", 12 * LOT) == approved(12, 12)


def test_open_approvals_count_to_the_position_and_only_on_their_side(bench: Bench) -> None:
    # 12 up and 12 down again, six times: 72 lots may be bought at the worst, 72 sold.
    for _ in range(6):
        assert bench.ask("long", 12 * LOT).lots == 12
        assert bench.ask("flat", 0.0).lots == -12
    assert bench.ask("long", 9 * LOT) == denied("POSITION_NOTIONAL")
    assert bench.ask("long", 8 * LOT) == approved(8, 8)


def test_an_approval_lapses_when_its_time_has_come(bench: Bench) -> None:
    bench.ask("long", 3 * LOT)
    bench.now_ns += TTL_NS - 1
    bench.mark(1_640_000_000)
    assert bench.ask("long", 3 * LOT) == denied("NO_CHANGE")
    bench.now_ns += 1
    assert bench.ask("long", 3 * LOT).lots == 3


def test_a_fill_moves_the_position_and_takes_from_its_approval(bench: Bench) -> None:
    intent_id = f"{bench.seq:032x}"
    bench.ask("long", 3 * LOT)
    assert bench.fill(2, intent_id) == Ruling("TAKEN")
    assert bench.oracle.book.filled == {("alpha", "ES"): 2}
    assert [each.lots for each in bench.oracle.book.open] == [1]


@pytest.mark.parametrize(
    "stray", [{"lots": -2}, {"principal": "slm"}, {"symbol": "SHIB"}, {"strategy_id": "beta"}]
)
def test_a_fill_that_is_not_the_approvals_takes_nothing_from_it(bench: Bench, stray: dict[str, Any]) -> None:
    intent_id = f"{bench.seq:032x}"
    bench.ask("long", 3 * LOT)

    bench.fill(2, intent_id, **stray)

    assert [each.lots for each in bench.oracle.book.open] == [3]


def test_the_same_wish_is_made_once(bench: Bench) -> None:
    first = bench.ask("long", LOT, basis_seq=7)
    again = bench.ask("long", LOT + 1e-7, basis_seq=7)

    assert (first.kind, again) == ("APPROVED", denied("DUPLICATE_CONTENT"))


def test_the_collar_is_fifty_bps_around_the_mean(bench: Bench) -> None:
    # Marks of 1,640.00 and 1,641.64 (10 bps up) have a mean of 1,640.82; from the last one, 45 bps
    # of slippage lead to 1,649.02738, which is 50.02 bps away: too far. 44 bps lead to 49.02.
    bench.mark(1_641_640_000)

    assert bench.ask("long", 2 * LOT, max_slippage_bps=45) == denied("PRICE_COLLAR")
    assert bench.ask("long", 2 * LOT, max_slippage_bps=44).kind == "APPROVED"
    # Selling, the slippage leads back through the mean: 54 bps down are 49.03 below it, 55 are 50.03.
    assert bench.ask("short", 2 * LOT, max_slippage_bps=55) == denied("PRICE_COLLAR")
    assert bench.ask("short", 2 * LOT, max_slippage_bps=54).kind == "APPROVED"


def test_a_mark_as_old_as_allowed_is_good_and_a_nanosecond_older_is_not(bench: Bench) -> None:
    bench.now_ns += 500_000_000
    assert bench.ask("long", LOT).kind == "APPROVED"
    bench.now_ns += 1
    assert bench.ask("long", 2 * LOT) == denied("MARK_STALE")


def test_a_mark_without_a_price_is_none(bench: Bench) -> None:
    bench.mark(0)

    assert bench.ask("long", LOT) == denied("MARK_MISSING")


def test_six_bad_inputs_open_the_breaker_and_three_good_ones_close_it(bench: Bench) -> None:
    for _ in range(6):
        assert bench.ask("sideways", LOT) == denied("INPUT_INVALID")
    assert bench.ask("long", LOT) == denied("BREAKER_INVALID_INPUT")
    bench.now_ns += 300_000_000
    bench.mark(1_640_000_000)
    for lots in (1, 2, 3):
        assert bench.oracle.breakers.all["invalid_input", "predict"].state == "HALF_OPEN"
        assert bench.ask("long", lots * LOT).kind == "APPROVED"
    assert bench.oracle.breakers.all["invalid_input", "predict"].state == "CLOSED"


def test_reducing_lets_through_only_what_is_nearer_to_flat(bench: Bench) -> None:
    bench.ask("long", 3 * LOT)
    _, body = People(random.Random(1)).command("reduce", "operator1")
    bench.send(RecordKind.CONTROL, body, subject=subjects.control("reduce", "operator1"))

    assert bench.ask("long", 4 * LOT) == denied("TRADING_REDUCING")
    assert bench.ask("short", LOT) == denied("TRADING_REDUCING")
    assert bench.ask("long", 2 * LOT).lots == -1
    assert bench.ask("flat", 0.0).lots == -2


def test_lots_beyond_64_bits_overflow(bench: Bench) -> None:
    dust = MarkChange("DUST", 1, bench.now_ns, "sim", 1)
    bench.send(RecordKind.TIMER, marks=(dust,), sessions=(SessionChange("DUST", 0, 2**62),))

    # A lot is worth 10^-18: 9.223372 buys 9,223,372 x 10^12 lots, and 2^63 is 9,223,372.036... x 10^12.
    assert bench.ask("long", 9.223373, symbol="DUST") == denied("AMOUNT_OVERFLOW")
    assert bench.ask("long", 9.223372, symbol="DUST").target_lots == 9_223_372 * 10**12


def test_judges_nothing_before_it_has_rules() -> None:
    with pytest.raises(ValueError, match="no rules"):
        Oracle().judge(GateRecord(seq=1, kind=RecordKind.TIMER, gate_ts_ns=1))
