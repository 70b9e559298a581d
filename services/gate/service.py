"""Risk gate: answers each proposed intent with one verdict.

Consumes    intent.proposed.>            one stream a principal, pinned client ``gate``
            md.>, control.>              marks and gate time, operators
            audit.heartbeat.recorder     the recorder's word that the audit can be written
Publishes   risk.verdict.*.*             one per intent, same intent_id, fenced
            risk.state, risk.breaker.*   when they change
            audit.command                one answer per command
            dead.intent, dead.gate       what shows no identity to answer to; what is no market
Ready       configuration journaled, state recovered, commands caught up
In doubt    denies. On its own broken invariant, or where another gate answers: stops
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from contracts import codec, subjects
from contracts.gate import DeniedUnaudited, GateRecord, RecordKind
from contracts.limits import GateConfig
from contracts.market import Clock, TickBatch
from contracts.operations import DeadCause, Heartbeat
from ops.authority.table import INTENT_PRINCIPALS
from risk.gate import Gate, InvariantViolated, shown_intent_id
from services.gate.inputs import (
    QUEUE_MAX,
    Input,
    intent_streams,
    pull_intents,
    read_controls,
    tick_timer,
)
from services.gate.market import Changes, MarketView
from services.gate.outputs import Outputs
from services.kit.gate_config import load_gate_config
from services.kit.process import Context, MustNotReturn
from services.kit.recovery import GROUP_MAX, Decided, Recovered, recover_gate, write_snapshot
from streams.bus import Conflict, Message, MessageRefused
from streams.journal.gatelog import GateLog, JournalUnwritable

DURABLE = "gate"
SECOND_NS = 1_000_000_000
AUDIT_SILENT_S = 0.75
"""A recorder unheard for longer may not be writing; its beats come every 0.25 s."""

AUDIT_WAIT_S = 2.0
SNAPSHOT_EVERY = 10_000
DELIVERIES_MAX = 10
"""Of an intent that is never journaled: whatever it does to the gate, it has done it often enough."""

UNAUDITED_MAX = 1_000
"""Denials without a record that one record names: it has to fit the journal's frame."""

SILENT_TIMERS_NS = 60 * SECOND_NS
"""Gate time for which timers go on in a silent market; by then every mark is stale."""


class GateService:
    """The gate with its journal and its view of the market: everything that must agree."""

    def __init__(self, context: Context, recovered: Recovered) -> None:
        self._context = context
        self.gate: Gate = recovered.gate
        self._log: GateLog = recovered.log
        self._epoch = recovered.epoch
        self.outputs = Outputs(context)
        self.market = MarketView(self.gate.gate_ts_ns, self.gate.marks())
        self._recorder_heard_s = 0.0
        self._is_vouched_for = asyncio.Event()
        self._recorder_ok = False
        self._pending_unaudited: list[DeniedUnaudited] = []
        self._deferred: list[Input] = []
        self._unanswerable: set[str] = set(recovered.unanswerable)

    def take_beat(self, message: Message) -> None:
        """The recorder's heartbeat. One that cannot be read vouches for nothing."""
        try:
            beat = codec.decode(Heartbeat, message.payload)
        except codec.Undecodable:
            self._recorder_ok = False
            return
        self._recorder_heard_s = time.monotonic()
        self._recorder_ok = beat.is_ready and beat.is_ok
        self._is_vouched_for.set()

    async def hear_the_recorder(self) -> None:
        """Wait a little for its first word: intents that waited for a restart are not denied for that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AUDIT_WAIT_S):
                await self._is_vouched_for.wait()

    async def configure(self, config: GateConfig) -> None:
        """Journal the configuration where it is not the one in force already.

        Raises JournalUnwritable: a gate that cannot take its limits does not start.
        """
        self.market.use(config.instruments)
        if self.gate.config != config and not await self._decide(
            [Input(RecordKind.CONFIG, body=codec.encode(config))]
        ):
            raise JournalUnwritable(self._log.path, self._context.health.cause)

    async def handle(self, items: Sequence[Input]) -> None:
        """Answer inputs in their order; commands that could not be journaled come first.

        Raises:
            Conflict: another gate answers on this run.
            InvariantViolated: the gate's own books disagree.
        """
        waiting, self._deferred = [*self._deferred, *items], []
        while waiting:
            group, waiting = await self._next_group(waiting)
            if group and not await self._decide(group):
                self._deferred += [item for item in group if item.kind is RecordKind.CONTROL]
            for item in group:
                if item.message is not None and item.kind is RecordKind.INTENT:
                    await item.message.ack()

    async def _next_group(self, waiting: list[Input]) -> tuple[list[Input], list[Input]]:
        """What to journal together, and what comes after it.

        A group ends before an identity that it holds already, and where a snapshot is due.
        """
        group: list[Input] = []
        identities: set[tuple[str, str]] = set()
        room = min(GROUP_MAX, SNAPSHOT_EVERY - self.gate.seq % SNAPSHOT_EVERY)
        for index, item in enumerate(waiting):
            if len(group) == room:
                return group, waiting[index:]
            if item.kind is RecordKind.TIMER:
                if not group and index == len(waiting) - 1 and self._is_time_due():
                    group.append(item)
                continue
            if item.kind is RecordKind.INTENT:
                key = (item.principal, shown_intent_id(item.body) or item.place)
                if key in identities:
                    return group, waiting[index:]
                if await self._is_settled(item):
                    continue
                identities.add(key)
            group.append(item)
        return group, []

    async def _is_settled(self, item: Input) -> bool:
        """Whether an intent needs no decision any more: then it is answered, or buried, and acked."""
        message = item.message
        assert message is not None
        intent_id = shown_intent_id(item.body)
        is_settled = item.place in self._unanswerable
        if not is_settled and intent_id is not None:
            is_settled = await self._answer_again(item, intent_id)
        if not is_settled and message.deliveries > DELIVERIES_MAX:
            found = f"delivered {message.deliveries} times and never journaled; at most {DELIVERIES_MAX}"
            await self.outputs.bury(item, DeadCause.DELIVERED_TOO_OFTEN, found, self.gate.gate_ts_ns)
            is_settled = True
        if is_settled:
            await message.ack()
        return is_settled

    async def _answer_again(self, item: Input, intent_id: str) -> bool:
        """Re-emit the first verdict of a known identity; nothing is journaled (rule R5)."""
        key = (item.principal, intent_id)
        known_seq = self.gate.known(*key)
        if key not in self.outputs.unaudited and known_seq is None:
            return False
        self._context.metrics.redelivered.inc()
        verdict = await self.outputs.first_verdict(*key)
        if verdict is None:
            found = f"decided at gate sequence {known_seq}, and VERDICTS does not hold that verdict any more"
            await self.outputs.bury(item, DeadCause.FAILED, found, self.gate.gate_ts_ns)
            return True
        await self.outputs.publish_verdict(verdict)
        if self.outputs.is_other_content(key, item.body):
            found = f"intent_id {intent_id} of {item.principal} came before with another content"
            await self.outputs.bury(item, DeadCause.INTENT_ID_REUSED, found, self.gate.gate_ts_ns)
        return True

    def _is_time_due(self) -> bool:
        """Whether a second of gate time has passed since the last record, in a market that speaks."""
        if self.market.quiet_ns > SILENT_TIMERS_NS:
            return False
        return self._changes().gate_ts_ns - self.gate.gate_ts_ns >= SECOND_NS

    async def _decide(self, group: list[Input]) -> bool:
        """Journal, decide, publish. False where the journal refused: then only denials leave.

        Records are synced together, and only then decided on, one after another.
        """
        began_s = time.perf_counter()
        changes = self._changes()
        records = self._records(group, changes)
        try:
            self._log.append(*(codec.encode(record) for record in records))
        except JournalUnwritable as error:
            await self._deny_unaudited(group, records, str(error))
            return False
        self.market.journaled(changes)
        del self._pending_unaudited[:UNAUDITED_MAX]
        decided = [Decided(record, self.gate.decide(record, self._epoch)) for record in records]
        await self.outputs.publish(decided)
        for item, (record, decision) in zip(group, decided, strict=True):
            if decision.dead_cause is not None:
                self._unanswerable.add(item.place)
                await self.outputs.bury(item, decision.dead_cause, decision.dead_detail, record.gate_ts_ns)
        self._report(is_ok=True, cause="")
        if self.gate.seq % SNAPSHOT_EVERY == 0:
            self._snapshot()
        self._context.metrics.decide_seconds.observe(time.perf_counter() - began_s)
        return True

    def _snapshot(self) -> None:
        """Without it a recovery takes longer; that is no reason to stop deciding."""
        try:
            write_snapshot(self._context.run, self.gate)
        except OSError as error:
            self._context.log.warning("snapshot.unwritten", seq=self.gate.seq, cause=str(error))

    def _changes(self) -> Changes:
        return self.market.changes(time.monotonic_ns())

    def _records(self, group: list[Input], changes: Changes) -> list[GateRecord]:
        """The records of a group: all at one gate time, what changed with the first."""
        gate_ts_ns = max(self.gate.gate_ts_ns, changes.gate_ts_ns)
        is_audit_ok = self._is_audit_ok()
        return [
            GateRecord(
                seq=self.gate.seq + 1 + index,
                kind=item.kind,
                gate_ts_ns=gate_ts_ns,
                body=item.body,
                subject=item.message.subject if item.message else "",
                principal=item.principal,
                stream=item.message.stream if item.message else "",
                stream_seq=item.message.stream_seq if item.message else 0,
                incarnation=item.incarnation,
                marks=() if index else changes.marks,
                sessions=() if index else changes.sessions,
                is_audit_ok=is_audit_ok,
                denied_unaudited=() if index else tuple(self._pending_unaudited[:UNAUDITED_MAX]),
            )
            for index, item in enumerate(group)
        ]

    def _is_audit_ok(self) -> bool:
        return self._recorder_ok and time.monotonic() - self._recorder_heard_s < AUDIT_SILENT_S

    async def _deny_unaudited(self, group: list[Input], records: list[GateRecord], cause: str) -> None:
        """The journal cannot be written: deny at once, and remember to say so when it can."""
        self._report(is_ok=False, cause=cause)
        self._context.log.error("journal.unwritable", cause=cause, seq=records[0].seq, records=len(records))
        for item, record in zip(group, records, strict=True):
            if record.kind is not RecordKind.INTENT:
                continue
            verdict = self.gate.deny_unaudited(record, self._epoch)
            if verdict is None:
                await self.outputs.bury(item, DeadCause.UNDECODABLE, cause, record.gate_ts_ns)
                continue
            self.outputs.unaudited[verdict.principal, verdict.intent_id] = verdict
            self._pending_unaudited.append(DeniedUnaudited(verdict.principal, verdict.intent_id))
            self._context.metrics.verdicts.labels(verdict.outcome, verdict.code or "").inc()
            await self.outputs.publish_verdict(verdict)

    def _report(self, *, is_ok: bool, cause: str) -> None:
        health = self._context.health
        health.is_ok, health.cause = is_ok, cause
        health.position, health.ts_event_ns = self.gate.seq, self.gate.gate_ts_ns
        self._context.metrics.gate_seq.set(self.gate.seq)

    async def republish(self, recovered: Recovered) -> None:
        """Publish again what was decided before a crash and may never have left."""
        await self.outputs.recover()
        for decided in recovered.tail:
            if not self.outputs.has_left(decided):
                await self.outputs.publish([decided])
        journaled = {key for key in self.outputs.unaudited if self.gate.known(*key) is not None}
        self._pending_unaudited = [
            DeniedUnaudited(*key) for key in self.outputs.unaudited if key not in journaled
        ]


async def read_market(
    service: GateService, context: Context, there_already: int, caught_up: asyncio.Event
) -> None:
    """Keep the market view current, for ever. A batch that cannot be read is buried, not used.

    The stream is read from its start, so that a symbol that trades seldom has its mark too; what was
    there at the start was buried by an earlier life where it had to be.
    """
    async for batch in context.bus.read("MARKET", batch_max=256):
        wall_ns = time.monotonic_ns()
        for message in batch:
            try:
                _take_market(service.market, message, wall_ns)
            except (codec.Undecodable, MessageRefused, ValueError) as error:
                cause = error.cause if isinstance(error, MessageRefused) else DeadCause.UNDECODABLE
                if message.stream_seq > there_already:
                    item = Input(RecordKind.TIMER, message, body=message.payload)
                    await service.outputs.bury(item, cause, str(error), service.gate.gate_ts_ns)
        if batch[-1].stream_seq >= there_already:
            caught_up.set()


def _take_market(market: MarketView, message: Message, wall_ns: int) -> None:
    if message.subject == subjects.CLOCK:
        market.take_clock(codec.decode(Clock, message.payload), wall_ns)
        return
    batch = codec.decode(TickBatch, message.payload)
    expected = subjects.tick(batch.kind, batch.venue, batch.symbol)
    if message.subject != expected:
        found = f"the subject is {message.subject}, expected {expected} for this body"
        raise MessageRefused(DeadCause.SUBJECT_MISMATCH, found)
    market.take_batch(batch, wall_ns)


async def serve(context: Context) -> None:
    """Recover, catch up with the market and with commands, then decide until stopped."""
    config = load_gate_config(context.run)
    recovered = recover_gate(context.run)
    with recovered.log:
        try:
            await _decide_for_ever(context, config, recovered)
        except* (Conflict, InvariantViolated) as errors:
            cause = errors.exceptions[0]
            raise MustNotReturn(f"the gate stops and stays stopped: {cause}") from cause


async def _decide_for_ever(context: Context, config: GateConfig, recovered: Recovered) -> None:
    service = GateService(context, recovered)
    await context.bus.subscribe(subjects.heartbeat("recorder"), service.take_beat)
    await service.republish(recovered)
    await service.configure(config)
    queue: asyncio.Queue[Input] = asyncio.Queue(QUEUE_MAX)
    market = await context.bus.stream_state("MARKET")
    control = await context.bus.stream_state("CONTROL")
    next_control = recovered.positions.get(("CONTROL", control.created), 0) + 1
    caught_up = asyncio.Event()
    if not market.last_seq:
        caught_up.set()
    context.health.position, context.health.ts_event_ns = service.gate.seq, service.gate.gate_ts_ns
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_market(service, context, market.last_seq, caught_up))
        tasks.create_task(read_controls(context.bus, "CONTROL", next_control, queue))
        for _ in range(next_control, control.last_seq + 1):
            await service.handle([await queue.get()])
        await caught_up.wait()
        await service.hear_the_recorder()
        for stream in intent_streams(INTENT_PRINCIPALS):
            tasks.create_task(pull_intents(context.bus, stream, DURABLE, queue))
        tasks.create_task(tick_timer(queue))
        context.health.is_ready = True
        context.log.info("gate.ready", seq=service.gate.seq, epoch=recovered.epoch)
        while True:
            await service.handle(await _waiting(queue))


async def _waiting(queue: asyncio.Queue[Input]) -> list[Input]:
    """Everything that waits, at least one and at most a group: under load one sync serves many."""
    items = [await queue.get()]
    while len(items) < GROUP_MAX and not queue.empty():
        items.append(queue.get_nowait())
    return items
