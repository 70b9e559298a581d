"""The gate's process against a real broker: one verdict an intent, whatever happens around it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import CapturingLogger

from contracts import codec, subjects
from contracts.columns import pack
from contracts.control import CommandAnswered, OperatorCommand
from contracts.gate import GateRecord, RecordKind
from contracts.identity import intent_id
from contracts.intents import Intent, IntentDraft
from contracts.market import COLUMNS_OF_KIND, Clock, TickBatch
from contracts.operations import DeadCause, DeadLetter, Heartbeat
from contracts.states import TradingState
from contracts.verdicts import DenyCode, Outcome, Verdict
from ops.telemetry.metrics import Metrics
from risk.gate import Gate
from services.gate.inputs import Input
from services.gate.service import DELIVERIES_MAX, GateService, serve
from services.kit.broker import EmbeddedBroker
from services.kit.gate_config import load_gate_config
from services.kit.layout import Run
from services.kit.process import Context, Health
from services.kit.recovery import recover_gate, replay_gate
from services.kit.run_files import ConfigFiles, configure
from services.kit.settings import ServiceSettings
from streams.bus import Bus, Message
from streams.journal.gatelog import GateLog, read_records

SECOND_NS = 1_000_000_000
OPEN_NS = 1_378_222_800 * SECOND_NS  # 2013-09-03 10:20 America/Chicago, inside the session of ES
DEADLINE_S = 10.0


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():
            await asyncio.sleep(0.005)


class Surroundings:
    """Everybody around the gate: a feed, a strategy, the recorder, operators, and a reader."""

    def __init__(self, run: Run, buses: dict[str, Bus]) -> None:
        self.run, self._buses = run, buses
        self.recorder_ok = True
        self._seq = 0

    async def beat(self) -> None:
        while True:
            beat = Heartbeat(
                service="recorder",
                run_id="test",
                is_ready=True,
                is_ok=self.recorder_ok,
                cause="",
                ts_event_ns=0,
                position=0,
                ts_recv_ns=0,
            )
            await self._buses["recorder"].publish(subjects.heartbeat("recorder"), codec.encode(beat))
            await asyncio.sleep(0.05)

    async def tick(self, ts_event_ns: int, price: float = 1640.0) -> None:
        self._seq += 1
        columns = {"ts_event_ns": ts_event_ns, "price": price, "size": 1.0, "aggressor": 0}
        batch = TickBatch(
            source="es",
            venue="CME",
            symbol="ES",
            kind="trade",
            first_seq=self._seq,
            count=1,
            ts_recv_ns=time.time_ns(),
            columns=pack(COLUMNS_OF_KIND["trade"], {name: np.array([v]) for name, v in columns.items()}),
        )
        clock = Clock(source="es", ts_event_ns=ts_event_ns, ts_recv_ns=0)
        await self._market(subjects.trade("CME", "ES"), codec.encode(batch))
        await self._market(subjects.CLOCK, codec.encode(clock))

    async def _market(self, subject: str, payload: bytes) -> None:
        bus = self._buses["feed"]
        await bus.publish_acked(subject, payload, msg_id=f"{subject}{time.time_ns()}", stream="MARKET")

    def intent(self, basis_seq: int, *, notional: float = 164_000.0, side: str = "long") -> Intent:
        draft = IntentDraft(
            symbol="ES", side=side, target_notional=notional, urgency="low", max_slippage_bps=5
        )
        return Intent(
            symbol="ES",
            side=side,
            target_notional=notional,
            urgency="low",
            max_slippage_bps=5,
            intent_id=intent_id("trend", "es", basis_seq, draft),
            strategy_id="trend",
            ts_event_ns=OPEN_NS,
            basis_source="es",
            basis_seq=basis_seq,
            basis_ts_ns=OPEN_NS,
        )

    async def propose(self, intent: Intent, *, body: bytes = b"") -> None:
        await self._buses["predict"].publish_acked(
            subjects.intent_proposed("trend", "ES"),
            body or codec.encode(intent),
            msg_id=f"{time.time_ns()}",
            stream="INTENTS_PREDICT",
        )

    async def command(self, name: str, operator: str, *, body: bytes = b"", **fields: int) -> None:
        command = OperatorCommand(
            command=name,
            operator=operator,
            nonce=f"{time.time_ns():032x}",
            reason="a test",
            expires_ts_ns=fields.get("expires_ts_ns", 2 * OPEN_NS),
            expected_gate_seq=fields.get("expected_gate_seq", 10**9),
        )
        await self._buses[operator].publish_acked(
            subjects.control(name, operator),
            body or codec.encode(command),
            msg_id=command.nonce,
            stream="CONTROL",
        )

    async def all_of(self, message_type: type, stream: str, subject: str) -> list:
        viewer = self._buses["viewer"]
        last_seq = (await viewer.stream_state(stream)).last_seq
        found = []
        if last_seq:
            async for batch in viewer.read(stream, subjects=[subject], stop_after=last_seq):
                found += [codec.decode(message_type, message.payload) for message in batch]
        return found

    async def verdicts(self, at_least: int = 0) -> list[Verdict]:
        async def there() -> bool:
            return (await self._buses["viewer"].stream_state("VERDICTS")).messages >= at_least

        await until(there)
        return await self.all_of(Verdict, "VERDICTS", subjects.ALL_VERDICTS)

    async def answers(self, at_least: int) -> list[CommandAnswered]:
        async def there() -> bool:
            found = await self.all_of(CommandAnswered, "AUDIT", subjects.AUDIT_COMMAND)
            return len(found) >= at_least

        await until(there)
        return await self.all_of(CommandAnswered, "AUDIT", subjects.AUDIT_COMMAND)

    def records(self) -> list[GateRecord]:
        return list(read_records(self.run.gate / "records.log"))

    def context(self, broker: EmbeddedBroker, bus: Bus) -> Context:
        settings = ServiceSettings(
            service="gate", run_id="test", run_dir=self.run.directory, nats_url=broker.url
        )
        log = structlog.wrap_logger(CapturingLogger())
        return Context(settings, self.run, bus, log, Metrics("gate"), Health(), asyncio.Event())

    @asynccontextmanager
    async def gate(self, broker: EmbeddedBroker) -> AsyncIterator[Health]:
        """A gate that is ready; it is ended as a crash would, without a word."""
        async with Bus.connect(broker.settings_of("gate")) as bus:
            context = self.context(broker, bus)
            task = asyncio.create_task(serve(context))
            try:
                async with asyncio.timeout(DEADLINE_S):
                    while not context.health.is_ready and not task.done():
                        await asyncio.sleep(0.005)
                if task.done():
                    task.result()
                yield context.health
            finally:
                task.cancel()
                await asyncio.wait({task})


@pytest.fixture
async def around(tmp_path: Path, broker: EmbeddedBroker) -> AsyncIterator[Surroundings]:
    run = Run(tmp_path / "run")
    run.create()
    configure(run, ConfigFiles())
    names = ("feed", "predict", "recorder", "viewer", "operator1", "operator2")
    buses = {name: await Bus.open(broker.settings_of(name)) for name in names}
    surroundings = Surroundings(run, buses)
    beat = asyncio.create_task(surroundings.beat())
    yield surroundings
    beat.cancel()
    for bus in buses.values():
        await bus.close()


async def test_approves_an_intent_that_rests_on_a_fresh_market(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: _seen(health, around))
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)

    assert (verdict.outcome, verdict.lots, verdict.target_lots) == (Outcome.APPROVED, 2, 2)
    assert (verdict.mark_price_micro, verdict.principal) == (1_640_000_000, "predict")


async def _seen(health: Health, around: Surroundings) -> bool:
    """The gate journals a timer for the market's first second, so its time shows what it has seen."""
    return health.ts_event_ns >= OPEN_NS


async def test_answers_a_known_identity_with_its_first_verdict_and_journals_nothing(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: _seen(health, around))
        await around.propose(around.intent(1))
        await around.verdicts(1)
        await around.propose(around.intent(1))
        await around.propose(around.intent(2, side="flat", notional=0.0))
        verdicts = await around.verdicts(2)

    intents = [record for record in around.records() if record.kind is RecordKind.INTENT]
    assert len(intents) == 2
    assert len({verdict.intent_id for verdict in verdicts}) == 2


async def test_denies_within_a_second_once_the_recorder_cannot_write(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: _seen(health, around))
        around.recorder_ok = False
        await asyncio.sleep(0.2)  # the bound under test is on this very delay: four beats
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)

    assert verdict.code is DenyCode.AUDIT_UNAVAILABLE


async def test_denies_what_it_cannot_journal_and_says_so_once_it_can(around, broker):
    log = around.run.gate / "records.log"
    aside = around.run.gate / "aside"
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: _seen(health, around))
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
        await until(lambda: _seen(health, around))
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
        await until(lambda: _seen(health, around))
    await around.command("kill", "operator2", body=b"not even a message")
    await around.propose(around.intent(1))
    async with around.gate(broker):
        (verdict,) = await around.verdicts(1)

    assert verdict.code is DenyCode.KILLED
    assert verdict.epoch == 2


async def test_goes_on_after_a_crash_as_if_there_had_been_none(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: _seen(health, around))
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
        await until(lambda: _seen(health, around))
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
        await until(lambda: _seen(health, around))
        await around.propose(around.intent(1), body=b"\xc1 no message")
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)
        letters = await around.all_of(DeadLetter, "DEAD", subjects.ALL_DEAD)

    assert verdict.outcome is Outcome.APPROVED
    assert [(letter.cause, letter.payload) for letter in letters] == [("undecodable", b"\xc1 no message")]


async def test_refuses_to_answer_beside_another_gate(around, broker):
    async with around.gate(broker) as first:
        await around.tick(OPEN_NS)
        await until(lambda: _seen(first, around))
        async with around.gate(broker):
            for basis_seq in range(1, 6):
                await around.propose(around.intent(basis_seq, notional=82_000.0 * basis_seq))
            verdicts = await around.verdicts(5)

    assert len({verdict.intent_id for verdict in verdicts}) == len(verdicts) == 5
    assert len({verdict.epoch for verdict in verdicts}) == 1


async def test_keeps_an_identity_that_comes_back_with_another_content_as_evidence(around, broker):
    first = around.intent(1)
    forged = replace(first, target_notional=410_000.0)
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: _seen(health, around))
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
    async with Bus.connect(broker.settings_of("gate")) as bus:
        context = around.context(broker, bus)
        service = GateService(context, recover_gate(around.run))
        await service.configure(load_gate_config(around.run))
        await service.handle(Input(RecordKind.INTENT, poison, "predict"))
    (letter,) = await around.all_of(DeadLetter, "DEAD", subjects.ALL_DEAD)

    assert (letter.cause, letter.stream_seq) == (DeadCause.DELIVERED_TOO_OFTEN, 7)
    assert [record.kind for record in around.records()] == [RecordKind.CONFIG]
    assert len(sent) == 1
