"""What leaves the gate: verdicts, fenced and known for ever, and what changed with them."""

from collections import OrderedDict

from contracts import codec, subjects
from contracts.identity import digest
from contracts.operations import PAYLOAD_MAX, DeadCause, DeadLetter
from contracts.verdicts import Verdict
from risk.gate import Decision
from services.gate.inputs import Input
from services.kit.process import Context

VERDICTS, RISK, AUDIT = "VERDICTS", "RISK", "AUDIT"
RECENT_MAX = 16_384
"""Verdicts kept at hand for redelivered intents; older ones are looked up in their stream."""


class Outputs:
    """Publishes decisions. A second gate on the same run meets a fence: its publish is a Conflict.

    Message ids derive from the run and the gate's sequence, so that a decision published again
    after a crash is the broker's duplicate, not a second answer.
    """

    def __init__(self, context: Context, epoch: int) -> None:
        self._bus, self._metrics, self._run_id = context.bus, context.metrics, context.settings.run_id
        self._epoch = epoch
        self._last_seq: dict[str, int] = {}
        self._recent: OrderedDict[tuple[str, str], Verdict] = OrderedDict()
        self._contents: dict[tuple[str, str], str] = {}
        self.unaudited: dict[tuple[str, str], Verdict] = {}
        self.last_published_gate_seq = 0

    async def recover(self) -> None:
        """Read what was published before: fences, recent verdicts, and denials without a record."""
        state = await self._bus.stream_state(VERDICTS)
        if not state.last_seq:
            return
        async for batch in self._bus.read(VERDICTS, batch_max=512, stop_after=state.last_seq):
            for message in batch:
                verdict = codec.decode(Verdict, message.payload)
                self._last_seq[message.subject] = message.stream_seq
                self._remember(verdict)
                self.last_published_gate_seq = max(self.last_published_gate_seq, verdict.gate_seq)
                if verdict.gate_seq == 0:
                    self.unaudited[_key(verdict)] = verdict

    async def publish(self, decision: Decision, body: bytes) -> None:
        """Everything that one decision on ``body`` says, states before the verdict, each acked and synced."""
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
            await self._bus.publish_acked(
                subjects.AUDIT_COMMAND,
                codec.encode(decision.answer),
                msg_id=f"{self._run_id}-answer-{decision.answer.gate_seq}",
                stream=AUDIT,
            )
        if decision.verdict is not None:
            await self.publish_verdict(decision.verdict)
            self._contents[_key(decision.verdict)] = digest(body)

    async def publish_verdict(self, verdict: Verdict) -> None:
        """Raises Conflict where another gate has answered on this subject since."""
        subject = subjects.verdict(verdict.strategy_id, verdict.symbol)
        ack = await self._bus.publish_acked(
            subject,
            codec.encode(verdict),
            msg_id=f"{self._run_id}-{verdict.principal}-{verdict.intent_id}",
            stream=VERDICTS,
            expected_last_subject_seq=self._last_seq.get(subject, 0),
        )
        self._last_seq[subject] = max(ack.seq, self._last_seq.get(subject, 0))
        self._remember(verdict)
        self._metrics.verdicts.labels(verdict.outcome, verdict.code or "").inc()

    async def first_verdict(self, principal: str, intent_id: str) -> Verdict | None:
        """The verdict that this identity has had, or None."""
        key = (principal, intent_id)
        if key in self._recent:
            return self._recent[key]
        state = await self._bus.stream_state(VERDICTS)
        if not state.last_seq:
            return None
        async for batch in self._bus.read(VERDICTS, batch_max=512, stop_after=state.last_seq):
            for message in batch:
                verdict = codec.decode(Verdict, message.payload)
                if _key(verdict) == key:
                    self._remember(verdict)
                    return verdict
        return None

    def is_other_content(self, key: tuple[str, str], body: bytes) -> bool:
        """Whether an identity comes back with other bytes. Told only of those that are kept at hand."""
        return self._contents.get(key, digest(body)) != digest(body)

    async def bury(self, item: Input, cause: DeadCause, detail: str, gate_ts_ns: int) -> None:
        """Keep an input that cannot be answered, with its cause."""
        message = item.message
        if message is None:
            return
        await self._bus.dead(
            DeadLetter(
                origin="intent" if item.principal and item.kind == "intent" else "gate",
                cause=cause,
                detail=detail[:1_000],
                subject=message.subject,
                stream=message.stream,
                stream_seq=message.stream_seq,
                count=1,
                ts_event_ns=gate_ts_ns,
                payload=message.payload[:PAYLOAD_MAX],
                payload_bytes=len(message.payload),
            )
        )
        self._metrics.dead_letters.labels(cause=cause).inc()

    def _remember(self, verdict: Verdict) -> None:
        self._recent.setdefault(_key(verdict), verdict)
        if len(self._recent) > RECENT_MAX:
            oldest, _ = self._recent.popitem(last=False)
            self._contents.pop(oldest, None)


def _key(verdict: Verdict) -> tuple[str, str]:
    return verdict.principal, verdict.intent_id
