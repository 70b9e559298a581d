"""The proposer: puts intents on the bus once each, and never loses one in silence."""

from collections import deque

from structlog.typing import FilteringBoundLogger

from contracts import codec, subjects
from contracts.intents import Intent
from contracts.operations import PAYLOAD_MAX, DeadCause, DeadLetter
from ops.telemetry.metrics import Metrics
from services.kit.process import Health
from streams.bus import Bus, BusError
from streams.bus.specs import intents_stream

ORIGIN = "predict"
STREAM = intents_stream(ORIGIN)

LETTERS_MAX = 1_000
"""Letters kept while the broker is away: an outage must not become a memory leak. The counts go on."""


class Proposer:
    """Publishes what is not stored yet.

    Attributes:
        published, known, lost: Intents: stored now, stored before, and refused by the bus after
            all its attempts.
    """

    def __init__(self, bus: Bus, health: Health, log: FilteringBoundLogger, metrics: Metrics) -> None:
        self.published = self.known = self.lost = 0
        self._bus, self._health, self._log, self._metrics = bus, health, log, metrics
        self._stored: set[str] = set()
        self._letters: deque[DeadLetter] = deque(maxlen=LETTERS_MAX)

    async def recover(self) -> None:
        """Learn which intents are stored: after a restart they are formed again, and not again proposed."""
        state = await self._bus.stream_state(STREAM)
        if state.last_seq == 0:
            return
        async for messages in self._bus.read(STREAM, stop_after=state.last_seq):
            for message in messages:
                try:
                    self._stored.add(codec.decode(Intent, message.payload).intent_id)
                except codec.Undecodable as error:
                    self._log.warning("intent.unreadable", stream_seq=message.stream_seq, cause=str(error))

    async def propose(self, intent: Intent) -> None:
        """Publish it, acknowledged, unless it is stored already.

        A refusal is counted and logged, ends as a dead letter once the broker takes one, and the
        service says that it is not ok until an intent goes through again. It is not sent later:
        by then the row it rests on is stale.
        """
        if intent.intent_id in self._stored:
            self.known += 1
            return
        subject = subjects.intent_proposed(intent.strategy_id, intent.symbol)
        payload = codec.encode(intent)
        try:
            await self._bus.publish_acked(subject, payload, msg_id=intent.intent_id, stream=STREAM)
        except BusError as error:
            self._lose(intent, subject, payload, error)
            return
        self.published += 1
        self._metrics.intents.labels(strategy_id=intent.strategy_id).inc()
        self._health.is_ok, self._health.cause = True, ""
        await self._write_letters()

    async def bury(self, letter: DeadLetter) -> None:
        """Keep what could not be used; where the broker does not take it, later."""
        self._metrics.dead_letters.labels(cause=letter.cause).inc()
        self._letters.append(letter)
        await self._write_letters()

    def _lose(self, intent: Intent, subject: str, payload: bytes, error: BusError) -> None:
        self.lost += 1
        self._health.is_ok = False
        self._health.cause = f"{self.lost} intents were not acknowledged; the last: {error}"[:500]
        self._log.error("intent.lost", intent_id=intent.intent_id, subject=subject, cause=str(error))
        self._metrics.dead_letters.labels(cause=DeadCause.FAILED).inc()
        self._letters.append(
            DeadLetter(
                origin=ORIGIN,
                cause=DeadCause.FAILED,
                detail=str(error)[:1_000],
                subject=subject,
                stream=STREAM,
                stream_seq=0,
                count=1,
                ts_event_ns=intent.ts_event_ns,
                payload=payload[:PAYLOAD_MAX],
                payload_bytes=len(payload),
            )
        )

    async def _write_letters(self) -> None:
        while self._letters:
            try:
                await self._bus.dead(self._letters[0])
            except BusError as error:
                self._log.warning("letter.unsent", waiting=len(self._letters), cause=str(error))
                return
            self._letters.popleft()
