"""One record in, one decision out: order, identity, fills, approvals, configuration and the chain."""

from contextlib import suppress
from hashlib import blake2b

import msgspec
import pytest
from msgspec.structs import replace

from contracts.codec import decode, encode
from contracts.gate import GateRecord, RecordKind
from contracts.hashview import view
from contracts.intents import Intent
from contracts.operations import DeadCause
from contracts.scalars import SECOND_NS
from contracts.verdicts import DenyCode, Outcome, Verdict
from risk.gate import Gate, InvariantViolated
from tests.risk.gate_records import (
    LOT_MONEY,
    START_NS,
    Bench,
    make_config,
    make_fill,
    make_instrument,
    make_intent,
    make_limits,
    make_mark,
)


def record(**overrides) -> GateRecord:
    values = {"seq": 1, "kind": RecordKind.CONFIG, "gate_ts_ns": START_NS, "body": encode(make_config())}
    return GateRecord(**values | overrides)


TIMER = record(seq=2, kind=RecordKind.TIMER, body=b"")


@pytest.mark.parametrize(
    ("records", "rule"),
    [
        ([record(seq=2)], "records have no hole"),
        ([record(), record(seq=1)], "records have no hole"),
        ([record(), record(seq=3)], "records have no hole"),
        ([record(), replace(TIMER, gate_ts_ns=START_NS - 1)], "gate time never decreases"),
        ([record(gate_ts_ns=2**63)], "gate time never decreases"),
        (
            [record(), replace(TIMER, marks=(make_mark(ts_event_ns=START_NS + 1),))],
            "no mark lies after gate time",
        ),
        ([replace(TIMER, seq=1)], "the first record is config"),
        ([record(body=b"")], "a config record holds a configuration"),
        ([record(), record(seq=2, body=b"\x80")], "a config record holds a configuration"),
        (
            [record(body=encode(make_config(instruments=(make_instrument(), make_instrument()))))],
            "a config record holds a configuration",
        ),
    ],
)
def test_a_record_that_the_service_must_not_write_halts_the_gate_for_good(records, rule):
    gate = Gate()
    for good in records[:-1]:
        gate.decide(good)

    with pytest.raises(InvariantViolated) as caught:
        gate.decide(records[-1])

    assert caught.value.rule == rule
    assert gate.is_broken
    for attempt in (lambda: gate.decide(record(seq=gate.seq + 1)), gate.state_bytes):
        with pytest.raises(InvariantViolated, match="a gate decides only while whole"):
            attempt()


def test_any_exception_halts_the_gate_for_good(monkeypatch):
    bench = Bench()
    monkeypatch.setattr(bench.gate._state.approvals, "lapse", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.timer()
    monkeypatch.undo()

    with pytest.raises(InvariantViolated):
        bench.timer()


def test_an_identity_is_known_for_ever_and_never_decided_twice():
    bench = Bench()
    intent = make_intent(1)
    first = bench.propose(intent).verdict
    assert first is not None
    for _ in range(3):
        bench.timer()

    assert bench.gate.known("predict", intent.intent_id) == first.gate_seq
    assert bench.gate.known("drill", intent.intent_id) is None
    assert bench.propose(intent, principal="drill").verdict is not None  # another principal, another identity
    with pytest.raises(InvariantViolated, match="an identity is decided once"):
        bench.propose(intent)


def test_what_was_denied_without_being_journaled_is_known_under_sequence_zero():
    bench = Bench()

    bench.denied_unaudited("predict", make_intent(5).intent_id)

    assert bench.gate.known("predict", make_intent(5).intent_id) == 0


def test_the_first_answer_of_an_identity_stands_when_it_is_reported_again():
    bench = Bench()
    intent = make_intent(5)
    verdict = bench.propose(intent).verdict
    assert verdict is not None

    bench.denied_unaudited("predict", intent.intent_id)

    assert bench.gate.known("predict", intent.intent_id) == verdict.gate_seq


def test_an_unaudited_denial_changes_nothing_and_says_so():
    bench = Bench()
    before = bench.gate.state_bytes()
    intent = make_intent(6)
    unwritten = record(
        seq=2,
        kind=RecordKind.INTENT,
        body=encode(intent),
        subject="intent.proposed.trend.FUT",
        principal="predict",
    )

    verdict = bench.gate.deny_unaudited(unwritten, epoch=4)

    assert verdict is not None
    assert decode(Verdict, encode(verdict)) == verdict
    assert (verdict.outcome, verdict.code) == (Outcome.DENIED, DenyCode.AUDIT_UNAVAILABLE)
    assert (verdict.gate_seq, verdict.chain, verdict.epoch) == (0, "", 4)
    assert [check.code for check in verdict.checks] == [DenyCode.AUDIT_UNAVAILABLE]
    assert bench.gate.state_bytes() == before
    assert bench.gate.deny_unaudited(replace(unwritten, body=b"")) is None
    assert bench.gate.deny_unaudited(replace(unwritten, subject="intent.proposed.trend")) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode([]),
        msgspec.msgpack.encode({"intent_id": 1}),
        msgspec.msgpack.encode({"intent_id": "A" * 32}),
        msgspec.msgpack.encode({"intent_id": "a" * 31}),
        msgspec.msgpack.encode({"intent_id": "a" * 32})[:-1],
        msgspec.msgpack.encode({"intent_id": "a" * 32}) + b"\x00",
        b"\x81" + b"\xdd" * 5_000,
    ],
)
def test_a_body_that_shows_no_identity_is_a_dead_letter(body):
    bench = Bench()

    decision = bench.send(body)

    assert decision.verdict is None
    assert decision.dead_cause is DeadCause.UNDECODABLE
    assert decision.dead_detail


def test_a_body_that_shows_an_identity_and_nothing_else_is_answered():
    decision = Bench().send(msgspec.msgpack.encode({"intent_id": "a" * 32, "schema": 7, "x": [None]}))

    assert decision.dead_cause is None
    assert decision.verdict is not None
    assert (decision.verdict.code, decision.verdict.intent_id) == (DenyCode.INPUT_INVALID, "a" * 32)


def test_an_intent_on_a_subject_of_another_form_is_a_dead_letter_and_stays_unknown():
    bench = Bench()
    intent = make_intent(3)

    decision = bench.propose(intent, record={"subject": "intent.proposed.trend.FUT.more"})

    assert decision.verdict is None
    assert decision.dead_cause is DeadCause.SUBJECT_MISMATCH
    assert bench.gate.known("predict", intent.intent_id) is None


def test_volatile_facts_of_the_verdict_come_from_the_intent_and_the_caller():
    bench = Bench()
    intent = make_intent(1, ts_recv_ns=55)
    made = record(
        seq=2,
        kind=RecordKind.INTENT,
        body=encode(intent),
        subject="intent.proposed.trend.FUT",
        principal="predict",
    )

    verdict = bench.gate.decide(made, epoch=9).verdict

    assert verdict is not None
    assert (verdict.epoch, verdict.basis_recv_ns) == (9, 55)
    assert decode(Verdict, encode(verdict)) == verdict


# fills and approvals


def test_an_approval_counts_until_gate_time_reaches_its_expiry():
    for late_ns, lots in ((-1, None), (0, 4)):
        bench = Bench()
        bench.propose()
        bench.now_ns += 5 * SECOND_NS + late_ns
        verdict = bench.propose(record={"marks": (make_mark(ts_event_ns=bench.now_ns),)}).verdict
        assert verdict is not None
        assert (verdict.code is None) == (lots is not None)
        assert verdict.lots == (lots or 0)


def test_fills_move_the_position_and_shrink_their_approval():
    bench = Bench()
    intent = make_intent(1_000)
    bench.propose(intent)  # +4
    bench.fill(make_fill(intent, 3))

    now = bench.propose(target_notional=5 * LOT_MONEY).verdict  # 3 held, 1 open
    bench.advance(5_001)
    later = bench.propose(target_notional=5 * LOT_MONEY).verdict  # 3 held, all else lapsed

    assert now is not None
    assert later is not None
    assert (now.lots, later.lots) == (1, 2)


def test_a_fill_beyond_its_approval_leaves_nothing_open():
    bench = Bench()
    intent = make_intent(1_000)
    bench.propose(intent)

    bench.fill(make_fill(intent, 6))

    verdict = bench.propose(target_notional=7 * LOT_MONEY).verdict
    assert verdict is not None
    assert verdict.lots == 1


def test_a_known_fill_is_ignored():
    bench = Bench()
    fill = make_fill(make_intent(1_000), 2)
    bench.fill(fill)

    decision = bench.fill(fill)

    assert decision.dead_cause is None
    verdict = bench.propose().verdict
    assert verdict is not None
    assert verdict.lots == 2


@pytest.mark.parametrize(
    "other",
    [
        {"principal": "drill"},
        {"strategy_id": "mean_revert"},
        {"symbol": "EUR"},
        {"lots": -1},
        {"intent_id": "b" * 32},
    ],
)
def test_a_fill_that_does_not_fit_an_approval_takes_nothing_from_it(other):
    bench = Bench()
    intent = make_intent(1_000)
    bench.propose(intent)

    bench.fill(replace(make_fill(intent, 1), **other))

    (approval,) = bench.gate._state.approvals.approvals()
    assert approval.lots == 4


def test_a_fill_that_does_not_decode_is_a_dead_letter():
    decision = Bench().decide(RecordKind.FILL, b"\x80")

    assert decision.dead_cause is DeadCause.UNDECODABLE
    assert "fill_id" in decision.dead_detail or "required field" in decision.dead_detail


# configuration


def test_another_configuration_rules_from_the_next_record_on():
    bench = Bench()
    bench.propose()
    bench.configure(make_config(make_limits(restricted=("FUT",))))

    verdict = bench.propose(target_notional=5 * LOT_MONEY).verdict
    assert verdict is not None
    assert verdict.code is DenyCode.RESTRICTED

    bench.configure(make_config())
    verdict = bench.propose(target_notional=5 * LOT_MONEY).verdict
    assert verdict is not None
    assert verdict.lots == 1  # the open approval outlived both


def test_another_multiplier_counts_at_once():
    bench = Bench()
    bench.configure(make_config(instruments=(make_instrument(multiplier=25.0),)))

    verdict = bench.propose().verdict

    assert verdict is not None
    assert verdict.lots == 8


# the chain


def linked(previous: bytes, made: GateRecord, output: msgspec.Struct | None) -> bytes:
    """The page's formula, by the public hash view alone."""
    if made.kind is RecordKind.INTENT:
        with suppress(ValueError):
            made = replace(made, body=view(decode(Intent, made.body)))
    taken_out = b"" if output is None else view(output)
    return blake2b(
        previous + made.seq.to_bytes(8, "little") + view(made) + taken_out, digest_size=32
    ).digest()


def test_the_chain_is_the_pages_formula_over_every_kind_of_record():
    bench = Bench()
    intent = make_intent(1)
    decisions = [
        bench.propose(intent),
        bench.send(encode(make_intent(2, side="up"))),
        bench.send(b""),
        bench.propose(make_intent(3), record={"subject": "other.subject"}),
        bench.fill(make_fill(intent, 1)),
        bench.command("reduce"),
        bench.command("kill"),
        bench.timer(marks=(make_mark(seq=2),)),
        bench.denied_unaudited("predict", "a" * 32),
        bench.configure(make_config()),
    ]
    chain = linked(bytes(32), bench.records[0], None)
    for made, decision in zip(bench.records[1:], decisions, strict=True):
        chain = linked(chain, made, decision.verdict or decision.answer)
        if decision.verdict is not None:
            assert decision.verdict.chain == chain.hex()

    assert bench.gate.chain == chain.hex()


def test_volatile_facts_have_no_say_in_the_chain_and_all_others_have():
    intent = make_intent(1)
    made = record(
        seq=2,
        kind=RecordKind.INTENT,
        body=encode(intent),
        subject="intent.proposed.trend.FUT",
        principal="predict",
    )

    def chain(changed: GateRecord, epoch: int = 0) -> str:
        bench = Bench()
        bench.gate.decide(changed, epoch)
        return bench.gate.chain

    same = [
        chain(made, epoch=3),
        chain(replace(made, stream_seq=8, incarnation="other")),
        chain(replace(made, body=encode(replace(intent, ts_recv_ns=1)))),
    ]
    others = [
        chain(replace(made, principal="drill")),
        chain(replace(made, stream="OTHER")),
        chain(replace(made, gate_ts_ns=START_NS + 1)),
        chain(replace(made, is_audit_ok=False)),
        chain(replace(made, body=encode(replace(intent, explain="x")))),
        chain(replace(made, body=encode(replace(intent, target_notional=20_000.5)))),
    ]

    assert set(same) == {chain(made)}
    assert len({chain(made), *others}) == len(others) + 1
