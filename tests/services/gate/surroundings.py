"""Everybody around a gate under test: a feed, a strategy, the recorder, operators, and a reader."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import structlog
from structlog.testing import CapturingLogger

from contracts import codec, subjects
from contracts.columns import pack
from contracts.control import CommandAnswered, OperatorCommand
from contracts.gate import GateRecord, RecordKind
from contracts.identity import intent_id
from contracts.intents import Intent, IntentDraft
from contracts.market import COLUMNS_OF_KIND, Clock, TickBatch
from contracts.operations import Heartbeat
from contracts.verdicts import Verdict
from ops.telemetry.metrics import Metrics
from services.gate.inputs import Input
from services.gate.service import GateService, serve
from services.kit.broker import EmbeddedBroker
from services.kit.gate_config import load_gate_config
from services.kit.layout import Run
from services.kit.process import Context, Health
from services.kit.recovery import recover_gate
from services.kit.settings import ServiceSettings
from streams.bus import Bus, Message
from streams.journal.gatelog import read_records

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

    async def tick(self, ts_event_ns: int, price: float = 1640.0, *, subject: str = "") -> None:
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
        await self._market(subject or subjects.trade("CME", "ES"), codec.encode(batch))
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

    async def ended(self) -> BaseException:
        """Wait until the gate has failed by itself; what it failed with."""
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait({self._task})
        return self._task.exception()

    def context(self, broker: EmbeddedBroker, bus: Bus) -> Context:
        settings = ServiceSettings(
            service="gate", run_id="test", run_dir=self.run.directory, nats_url=broker.url
        )
        log = structlog.wrap_logger(CapturingLogger())
        return Context(settings, self.run, bus, log, Metrics("gate"), Health(), asyncio.Event())

    @asynccontextmanager
    async def service(self, broker: EmbeddedBroker) -> AsyncIterator[GateService]:
        """A gate's inside without its loop: recovered and configured."""
        async with Bus.connect(broker.settings_of("gate")) as bus:
            recovered = recover_gate(self.run)
            with recovered.log:
                service = GateService(self.context(broker, bus), recovered)
                await service.outputs.recover()
                await service.configure(load_gate_config(self.run))
                yield service

    @asynccontextmanager
    async def gate(self, broker: EmbeddedBroker) -> AsyncIterator[Health]:
        """A gate that is ready; it is ended as a crash would, without a word."""
        async with Bus.connect(broker.settings_of("gate")) as bus:
            context = self.context(broker, bus)
            task = self._task = asyncio.create_task(serve(context))
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


async def seen(health: Health) -> bool:
    """The gate journals a timer for the market's first second, so its time shows what it has seen."""
    return health.ts_event_ns >= OPEN_NS


def stored(acked: list[int], stream_seq: int, body: Intent | bytes) -> Input:
    """An intent as it comes from its stream; its acknowledgement is noted."""

    async def ack(_subject: str, _payload: bytes) -> None:
        acked.append(stream_seq)

    payload = body if isinstance(body, bytes) else codec.encode(body)
    message = Message(
        subjects.intent_proposed("trend", "ES"),
        payload,
        {},
        stream="INTENTS_PREDICT",
        stream_seq=stream_seq,
        deliveries=1,
        reply="reply",
        send=ack,
    )
    return Input(RecordKind.INTENT, message, "predict", "life", payload)
