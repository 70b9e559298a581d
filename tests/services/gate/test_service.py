"""The gate's process against a real broker: one verdict an intent, whatever happens around it."""

import asyncio
import time

import pytest
from msgspec.structs import replace

from contracts import codec, subjects
from contracts.gate import GateRecord, RecordKind
from contracts.operations import DeadCause, DeadLetter
from contracts.states import TradingState
from contracts.verdicts import DenyCode, Outcome
from risk.gate import Gate
from services.gate.inputs import Input
from services.gate.service import DELIVERIES_MAX
from services.kit.process import Health
from services.kit.recovery import replay_gate
from streams.bus import Message
from streams.journal.gatelog import GateLog, JournalUnwritable
from tests.services.gate.surroundings import DEADLINE_S, OPEN_NS, SECOND_NS, seen, stored, until


async def test_approves_an_intent_that_rests_on_a_fresh_market(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)

    assert (verdict.outcome, verdict.lots, verdict.target_lots) == (Outcome.APPROVED, 2, 2)
    assert (verdict.mark_price_micro, verdict.principal) == (1_640_000_000, "predict")


async def test_answers_a_known_identity_with_its_first_verdict_and_journals_nothing(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        await around.propose(around.intent(1))
        await around.verdicts(1)
        await around.propose(around.intent(1))
        await around.propose(around.intent(2, side="flat", notional=0.0))
        verdicts = await around.verdicts(2)

    intents = [record for record in around.records() if record.kind is RecordKind.INTENT]
    assert len(intents) == 2
    assert len({verdict.intent_id for verdict in verdicts}) == 2


async def test_denies_once_the_recorder_cannot_write(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        around.recorder_ok = False
        codes = []
        async with asyncio.timeout(DEADLINE_S):
            while DenyCode.AUDIT_UNAVAILABLE not in codes:
                await around.propose(around.intent(len(codes) + 1))
                codes = [verdict.code for verdict in await around.verdicts(len(codes) + 1)]

    assert codes[-1] is DenyCode.AUDIT_UNAVAILABLE


async def test_denies_what_it_cannot_journal_and_says_so_once_it_can(around, broker):
    log = around.run.gate / "records.log"
    aside = around.run.gate / "aside"
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        log.rename(aside)
        log.mkdir()
        started_s = time.monotonic()
        await around.propose(around.intent(1))
        (denied,) = await around.verdicts(1)
        took_s = time.monotonic() - started_s
        was_ok = health.is_ok
        log.rmdir()
        aside.rename(log)
        await around.propose(around.intent(2))
        verdicts = await around.verdicts(2)
        await around.propose(around.intent(1))
        await around.propose(around.intent(3, side="flat", notional=0.0))
        again = await around.verdicts(3)

    assert (denied.code, denied.gate_seq, was_ok) == (DenyCode.AUDIT_UNAVAILABLE, 0, False)
    assert took_s < 1.0
    assert verdicts[1].outcome is Outcome.APPROVED
    named = [entry for record in around.records() for entry in record.denied_unaudited]
    assert [entry.intent_id for entry in named] == [denied.intent_id]
    assert {v.code for v in again if v.intent_id == denied.intent_id} == {DenyCode.AUDIT_UNAVAILABLE}


async def test_approves_nothing_after_a_kill_until_two_people_reset_it(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        await around.command("kill", "operator1")
        (answer,) = await around.answers(1)
        await around.propose(around.intent(1))
        (killed,) = await around.verdicts(1)
        await around.tick(OPEN_NS + 5 * SECOND_NS)
        await until(lambda: _at(health, OPEN_NS + 5 * SECOND_NS))
        await around.command("reset", "operator1", expected_gate_seq=answer.gate_seq)
        await around.command("reset", "operator1", expected_gate_seq=answer.gate_seq)
        await around.command("reset", "operator2", expected_gate_seq=answer.gate_seq)
        answers = await around.answers(4)

    assert killed.code is DenyCode.KILLED
    assert [str(answer.code) for answer in answers] == ["None", "None", "SAME_OPERATOR", "None"]


async def _at(health: Health, ts_event_ns: int) -> bool:
    return health.ts_event_ns >= ts_event_ns


async def test_obeys_a_kill_that_was_written_while_it_was_dead(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
    await around.command("kill", "operator2", body=b"not even a message")
    await around.propose(around.intent(1))
    async with around.gate(broker):
        (verdict,) = await around.verdicts(1)

    assert verdict.code is DenyCode.KILLED
    assert verdict.epoch == 2


async def test_goes_on_after_a_crash_as_if_there_had_been_none(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        await around.propose(around.intent(1))
        await around.verdicts(1)
    async with around.gate(broker):
        await around.propose(around.intent(1))
        await around.propose(around.intent(2, side="flat", notional=0.0))
        verdicts = await around.verdicts(2)

    replayed = replay_gate(around.records(), Gate())
    assert verdicts[-1].chain == replayed.chain
    assert [verdict.intent_id for verdict in verdicts] == [
        around.intent(1).intent_id,
        around.intent(2, side="flat", notional=0.0).intent_id,
    ]
    assert replayed.trading_state is TradingState.ACTIVE


async def test_publishes_after_a_crash_what_was_decided_and_never_left(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
    last = around.records()[-1]
    orphan = GateRecord(
        seq=last.seq + 1,
        kind=RecordKind.INTENT,
        gate_ts_ns=last.gate_ts_ns,
        body=codec.encode(around.intent(1)),
        subject=subjects.intent_proposed("trend", "ES"),
        principal="predict",
        stream="INTENTS_PREDICT",
        stream_seq=1,
    )
    with GateLog.open(around.run.gate / "records.log") as log:
        log.append(codec.encode(orphan))
    async with around.gate(broker):
        (verdict,) = await around.verdicts(1)

    assert (verdict.gate_seq, verdict.outcome) == (orphan.seq, Outcome.APPROVED)


async def test_buries_what_shows_no_identity_and_goes_on(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        await around.propose(around.intent(1), body=b"\xc1 no message")
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)
        letters = await around.all_of(DeadLetter, "DEAD", subjects.ALL_DEAD)

    assert verdict.outcome is Outcome.APPROVED
    assert [(letter.cause, letter.payload) for letter in letters] == [("undecodable", b"\xc1 no message")]


async def test_a_second_gate_on_the_run_does_not_start(around, broker):
    async with around.gate(broker) as first:
        await around.tick(OPEN_NS)
        await until(lambda: seen(first))
        with pytest.raises(JournalUnwritable, match="another appender"):
            async with around.gate(broker):
                pass
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)

    assert verdict.epoch == 1


async def test_keeps_an_identity_that_comes_back_with_another_content_as_evidence(around, broker):
    first = around.intent(1)
    forged = replace(first, target_notional=410_000.0)
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        await around.propose(first)
        await around.propose(forged)
        await around.propose(around.intent(2, side="flat", notional=0.0))
        verdicts = await around.verdicts(2)
        letters = await around.all_of(DeadLetter, "DEAD", subjects.ALL_DEAD)

    assert [verdict.lots for verdict in verdicts if verdict.intent_id == first.intent_id] == [2]
    assert [letter.cause for letter in letters] == [DeadCause.INTENT_ID_REUSED]


async def test_gives_up_an_intent_that_was_delivered_too_often_and_never_journaled(around, broker):
    sent: list[bytes] = []

    async def ack(_subject: str, payload: bytes) -> None:
        sent.append(payload)

    poison = Message(
        subjects.intent_proposed("trend", "ES"),
        codec.encode(around.intent(1)),
        {},
        stream="INTENTS_PREDICT",
        stream_seq=7,
        deliveries=DELIVERIES_MAX + 1,
        reply="reply",
        send=ack,
    )
    async with around.service(broker) as service:
        await service.handle([Input(RecordKind.INTENT, poison, "predict", body=poison.payload)])
    (letter,) = await around.all_of(DeadLetter, "DEAD", subjects.ALL_DEAD)

    assert (letter.cause, letter.stream_seq) == (DeadCause.DELIVERED_TOO_OFTEN, 7)
    assert [record.kind for record in around.records()] == [RecordKind.CONFIG]
    assert len(sent) == 1


async def test_a_group_is_answered_in_its_order_and_each_identity_once(around, broker):
    async with around.service(broker) as service:
        first, second = around.intent(1), around.intent(2, side="flat", notional=0.0)
        acked: list[int] = []
        group = [stored(acked, seq, intent) for seq, intent in enumerate((first, second, first), start=1)]
        await service.handle(group)
        verdicts = await around.verdicts(2)

    assert [record.kind for record in around.records()] == ["config", "intent", "intent"]
    assert [verdict.intent_id for verdict in verdicts] == [first.intent_id, second.intent_id]
    assert sorted(acked) == [1, 2, 3]


async def test_what_shows_no_identity_is_journaled_once_however_often_it_is_delivered(around, broker):
    async with around.service(broker) as service:
        acked: list[int] = []
        await service.handle([stored(acked, 7, b"\xc1")])
        await service.handle([stored(acked, 7, b"\xc1")])
    async with around.service(broker) as again:
        await again.handle([stored(acked, 7, b"\xc1")])

    assert [record.kind for record in around.records()] == ["config", "intent"]
    assert acked == [7, 7, 7]
