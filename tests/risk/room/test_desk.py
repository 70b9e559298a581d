"""A desk that follows the gate's messages knows where a strategy stands."""

import random

import pytest

from contracts.codec import encode
from contracts.gate import GateRecord, RecordKind
from contracts.intents import Intent
from contracts.scalars import MILLISECOND_NS
from risk.gate import Decision, Gate
from risk.room import Desk
from tests.risk.gate_records import (
    LOT_MONEY,
    MARK_MICRO,
    START_NS,
    Bench,
    make_config,
    make_fill,
    make_intent,
    make_limits,
    make_mark,
    make_session,
    make_symbol_limits,
)

PRINCIPAL = "predict"


class Followed:
    """A bench whose every answer a desk hears."""

    def __init__(self, config=None) -> None:
        config = config or make_config()
        self.bench, self.desk = Bench(config), Desk(config)
        self.desk.take_session(make_session())
        self.desk.take_mark(make_mark())
        self.number = 0

    def hear(self, decision: Decision) -> Decision:
        if decision.verdict is not None:
            self.desk.take_verdict(decision.verdict)
        for change in decision.breakers:
            self.desk.take_breaker(change)
        if decision.trading_state is not None:
            self.desk.take_trading_state(decision.trading_state)
        return decision

    def propose(self, lots: int, strategy_id: str = "trend") -> tuple[Intent, Decision]:
        self.number += 1
        intent = make_intent(
            self.number,
            strategy_id=strategy_id,
            side="flat" if lots == 0 else "long" if lots > 0 else "short",
            target_notional=abs(lots) * LOT_MONEY,
            basis_ts_ns=self.bench.now_ns,
        )
        return intent, self.hear(self.bench.propose(intent, principal=PRINCIPAL))

    def fill(self, intent: Intent, lots: int) -> None:
        self.number += 1
        fill = make_fill(intent, lots, self.number)
        self.bench.fill(fill)
        self.desk.take_fill(fill)

    def advance(self, milliseconds: int) -> None:
        self.bench.advance(milliseconds)
        self.desk.take_mark(make_mark(ts_event_ns=self.bench.now_ns))

    @property
    def fut(self):
        return self.desk.standing("trend", PRINCIPAL).symbols["FUT"]


def test_an_approval_is_open_until_it_is_filled():
    followed = Followed()
    intent, _ = followed.propose(4)
    assert (followed.fut.mine, followed.fut.held, followed.fut.open_long) == (4, 0, 4)
    followed.fill(intent, 3)
    assert (followed.fut.mine, followed.fut.held, followed.fut.open_long) == (4, 3, 1)
    (position,) = followed.desk.positions("trend")
    assert (position.lots, position.open_lots, position.mark_price_micro) == (3, 1, MARK_MICRO)


def test_an_approval_lapses_with_gate_time():
    followed = Followed()
    followed.propose(-4)
    assert followed.fut.open_short == 4
    followed.desk.take_clock(START_NS + 5_000 * MILLISECOND_NS)
    assert (followed.fut.mine, followed.fut.open_short) == (0, 0)
    assert followed.desk.positions("trend") == ()


def test_a_verdict_or_a_fill_that_is_told_twice_counts_once():
    followed = Followed()
    intent, decision = followed.propose(4)
    followed.fill(intent, 1)
    followed.desk.take_verdict(decision.verdict)
    followed.desk.take_fill(make_fill(intent, 1, followed.number))
    assert (followed.fut.mine, followed.fut.held, followed.fut.open_long) == (4, 1, 3)


def test_another_strategys_lots_count_for_the_symbol_and_not_for_mine():
    followed = Followed()
    intent, _ = followed.propose(4, "mean_revert")
    followed.fill(intent, 2)
    assert (followed.fut.mine, followed.fut.held, followed.fut.open_long) == (0, 2, 2)


def test_a_kill_and_a_reduce_leave_what_they_leave():
    followed = Followed()
    intent, _ = followed.propose(2)
    followed.fill(intent, 2)
    followed.hear(followed.bench.command("reduce"))
    assert [ladder.action for ladder in followed.desk.headroom("trend", PRINCIPAL).ladders] == [
        "sell",
        "sell",
    ]
    followed.hear(followed.bench.command("kill"))
    assert followed.desk.headroom("trend", PRINCIPAL).ladders == ()


def test_an_open_breaker_leaves_no_room_to_its_principal_or_symbol():
    followed = Followed()
    for _ in range(3):
        followed.hear(followed.bench.send(b"nothing", principal=PRINCIPAL))
    assert followed.desk.headroom("trend", PRINCIPAL).ladders == ()
    assert followed.desk.headroom("trend", "drill").ladders


def test_new_rules_hold_from_now_on():
    followed = Followed()
    narrow = make_config(make_limits(per_symbol={"FUT": make_symbol_limits(order_notional_max=LOT_MONEY)}))
    followed.desk.take_config(narrow)
    assert [len(ladder.rungs) for ladder in followed.desk.headroom("trend", PRINCIPAL).ladders] == [1, 1]


@pytest.mark.parametrize("seed", range(10))
def test_what_the_desk_says_the_gate_approves(seed):
    """Over a random day: each of the desk's rungs is approved by a gate in the same state."""
    rng = random.Random(seed)
    followed = Followed(make_config())
    for _ in range(40):
        strategy_id = rng.choice(("trend", "mean_revert"))
        intent, decision = followed.propose(rng.randint(-9, 9), strategy_id)
        lots = decision.verdict.lots
        if lots and rng.random() < 0.7:
            followed.fill(intent, rng.randint(min(lots, 1), max(lots, -1)) or lots)
        followed.advance(rng.choice((1, 100, 3_000)))
    room = followed.desk.headroom("trend", PRINCIPAL)
    assert room.ladders
    for ladder in room.ladders:
        for rung in ladder.rungs:
            gate = Gate.from_state(followed.bench.gate.state_bytes())
            intent = make_intent(
                10_000 + rung.lots,
                side=ladder.side,
                target_notional=rung.target_notional,
                max_slippage_bps=ladder.slippage_bps_max,
                basis_ts_ns=followed.bench.now_ns,
            )
            record = GateRecord(
                seq=gate.seq + 1,
                kind=RecordKind.INTENT,
                gate_ts_ns=followed.bench.now_ns,
                body=encode(intent),
                subject="intent.proposed.trend.FUT",
                principal=PRINCIPAL,
            )
            assert abs(gate.decide(record).verdict.target_lots) == rung.lots
