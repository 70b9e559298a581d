"""What leaves the gate: verdicts, fenced and known for ever, and what changed with them."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence

from contracts import codec, subjects
from contracts.control import CommandAnswered
from contracts.gate import RecordKind
from contracts.identity import digest
from contracts.operations import DeadCause
from contracts.states import BreakerChanged, TradingStateChanged
from contracts.verdicts import Verdict
from risk.gate import Decision
from services.gate.inputs import Input
from services.kit.process import Context
from services.kit.recovery import Decided
from streams.bus import Conflict, Message, NotAcked, letter_about

VERDICTS, RISK, AUDIT = "VERDICTS", "RISK", "AUDIT"
RECENT_MAX = 16_384
"""Verdicts kept at hand for redelivered intents; older ones are looked up in their stream."""


class Outputs:
    """Publishes decisions. A second gate on the same run meets a fence: its publish is a Conflict.

    Message ids derive from the run and the gate's sequence, so that a decision published again
    after a crash is the broker's duplicate, not a second answer.
    """

    def __init__(self, context: Context) -> None:
        self._bus, self._metrics, self._log = context.bus, context.metrics, context.log
        self._run_id = context.settings.run_id
        self._last_seq: dict[str, int] = {}
        self._recent: OrderedDict[tuple[str, str], Verdict] = OrderedDict()
        self._contents: dict[tuple[str, str], str] = {}
        self.unaudited: dict[tuple[str, str], Verdict] = {}
        self._stream_seq = 0
        self._verdicts_there: set[int] = set()
        self._changes_there: set[int] = set()

    async def recover(self) -> None:
        """Read what was published before: fences, recent verdicts, and denials without a record."""
        self._stream_seq = (await self._bus.stream_state(VERDICTS)).last_seq
        async for message in self._all_of(VERDICTS):
            verdict = codec.decode(Verdict, message.payload)
            self._last_seq[message.subject] = message.stream_seq
            self._remember(verdict)
            self._verdicts_there.add(verdict.gate_seq)
            if verdict.gate_seq == 0:
                self.unaudited[_key(verdict)] = verdict
        async for message in self._all_of(RISK):
            changed = codec.decode_any(message.payload)
            if isinstance(changed, BreakerChanged | TradingStateChanged):
                self._changes_there.add(changed.gate_seq)

    def has_left(self, decided: Decided) -> bool:
        """Whether everything of this decision was published before the start."""
        record, decision = decided
        verdict = decision.verdict
        is_verdict_there = (
            verdict is None or record.seq in self._verdicts_there or _key(verdict) in self.unaudited
        )
        is_change_there = decision.trading_state is None and not decision.breakers
        return (
            is_verdict_there
            and (is_change_there or record.seq in self._changes_there)
            and not decision.answer
        )

    async def publish(self, group: Sequence[Decided]) -> None:
        """Everything that a group of decisions says, acked and synced: states first, then verdicts.

        Verdicts leave together. Each is fenced with the sequence that its predecessor on the same
        subject has or, this gate being the only writer, must get.

        Raises:
            Conflict: another gate has answered since.
            NotAcked: the broker does not confirm; what is missing leaves after the next start.
        """
        for _, decision in group:
            await self._publish_changes(decision)
        answered = [(record, decision.verdict) for record, decision in group if decision.verdict is not None]
        sending = []
        for record, verdict in answered:
            self._contents[_key(verdict)] = digest(record.body)
            self._metrics.verdicts.labels(verdict.outcome, verdict.code or "").inc()
            self._stream_seq += 1
            sending.append(self._publish_fenced(verdict, self._stream_seq))
        for outcome in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def publish_verdict(self, verdict: Verdict) -> None:
        """One verdict alone; one that is there already is the broker's duplicate."""
        self._stream_seq = max(self._stream_seq, await self._publish_fenced(verdict, 0))

    async def _publish_fenced(self, verdict: Verdict, expected_seq: int) -> int:
        subject = subjects.verdict(verdict.strategy_id, verdict.symbol)
        fence = self._last_seq.get(subject, 0)
        self._last_seq[subject] = expected_seq or fence
        ack = await self._bus.publish_acked(
            subject,
            codec.encode(verdict),
            msg_id=f"{self._run_id}-{verdict.principal}-{verdict.intent_id}",
            stream=VERDICTS,
            expected_last_subject_seq=fence,
        )
        if expected_seq not in (0, ack.seq):
            raise Conflict(subject, ack.seq, expected_seq)
        self._last_seq[subject] = max(ack.seq, self._last_seq[subject])
        self._remember(verdict)
        return ack.seq

    async def _publish_changes(self, decision: Decision) -> None:
        if decision.trading_state is not None:
            state = decision.trading_state
            await self._bus.publish_acked(
                subjects.RISK_STATE,
                codec.encode(state),
                msg_id=f"{self._run_id}-state-{state.gate_seq}",
                stream=RISK,
            )
            self._metrics.trading_active.set(state.state == "ACTIVE")
        for index, change in enumerate(decision.breakers):
            await self._bus.publish_acked(
                subjects.breaker(change.name),
                codec.encode(change),
                msg_id=f"{self._run_id}-breaker-{change.gate_seq}-{index}",
                stream=RISK,
            )
            self._metrics.breaker_open.labels(change.name, change.key).set(change.state != "CLOSED")
        if decision.answer is not None:
            await self._publish_answer(decision.answer)

    async def _publish_answer(self, answer: CommandAnswered) -> None:
        """Tell the operator. A command is in force whether or not its answer can be stored."""
        try:
            await self._bus.publish_acked(
                subjects.AUDIT_COMMAND,
                codec.encode(answer),
                msg_id=f"{self._run_id}-answer-{answer.gate_seq}",
                stream=AUDIT,
            )
        except NotAcked as error:
            self._log.error("command.answer_unsent", gate_seq=answer.gate_seq, cause=str(error))

    async def first_verdict(self, principal: str, intent_id: str) -> Verdict | None:
        """The verdict that this identity has had, or None."""
        key = (principal, intent_id)
        if key in self._recent:
            return self._recent[key]
        async for message in self._all_of(VERDICTS):
            verdict = codec.decode(Verdict, message.payload)
            if _key(verdict) == key:
                self._remember(verdict)
                return verdict
        return None

    async def _all_of(self, stream: str) -> AsyncIterator[Message]:
        last_seq = (await self._bus.stream_state(stream)).last_seq
        if last_seq:
            async for batch in self._bus.read(stream, batch_max=512, stop_after=last_seq):
                for message in batch:
                    yield message

    def is_other_content(self, key: tuple[str, str], body: bytes) -> bool:
        """Whether an identity comes back with other bytes. Told only of those that are kept at hand."""
        return self._contents.get(key, digest(body)) != digest(body)

    async def bury(self, item: Input, cause: DeadCause, detail: str, gate_ts_ns: int) -> None:
        """Keep an input that cannot be answered, with its cause."""
        message = item.message
        if message is None:
            return
        origin = "intent" if item.kind is RecordKind.INTENT else "gate"
        await self._bus.dead(
            letter_about(message, origin=origin, cause=cause, detail=detail, ts_event_ns=gate_ts_ns)
        )
        self._metrics.dead_letters.labels(cause=cause).inc()

    def _remember(self, verdict: Verdict) -> None:
        self._recent.setdefault(_key(verdict), verdict)
        if len(self._recent) > RECENT_MAX:
            oldest, _ = self._recent.popitem(last=False)
            self._contents.pop(oldest, None)


def _key(verdict: Verdict) -> tuple[str, str]:
    return verdict.principal, verdict.intent_id
