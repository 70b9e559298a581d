"""The proposer: puts intents on the bus once each, and never loses one in silence."""

import asyncio
from collections import deque
from collections.abc import Sequence

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

    async def propose(self, intents: Sequence[Intent]) -> None:
        """Publish those that are not stored already, acknowledged.

        They leave together, in their order on one connection, and so wait for one sync instead of
        many. A refusal is counted and logged, ends as a dead letter once the broker takes one, and
        the service says that it is not ok until all of a later call go through. It is not sent
        again: by then the row it rests on is stale.
        """
        fresh = [intent for intent in intents if intent.intent_id not in self._stored]
        self.known += len(intents) - len(fresh)
        if not fresh:
            return
        refusals = await asyncio.gather(*(self._publish(intent) for intent in fresh))
        if not any(refusals):
            self._health.is_ok, self._health.cause = True, ""
        for intent, refusal in zip(fresh, refusals, strict=True):
            if refusal is not None:
                self._lose(intent, refusal)
        await self._write_letters()

    async def _publish(self, intent: Intent) -> BusError | None:
        try:
            await self._bus.publish_acked(
                _subject_of(intent), codec.encode(intent), msg_id=intent.intent_id, stream=STREAM
            )
        except BusError as error:
            return error
        self.published += 1
        self._metrics.intents.labels(strategy_id=intent.strategy_id).inc()
        return None

    async def bury(self, letter: DeadLetter) -> None:
        """Keep what could not be used; where the broker does not take it, later."""
        self._metrics.dead_letters.labels(cause=letter.cause).inc()
        self._letters.append(letter)
        await self._write_letters()

    def _lose(self, intent: Intent, error: BusError) -> None:
        subject, payload = _subject_of(intent), codec.encode(intent)
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


def _subject_of(intent: Intent) -> str:
    return subjects.intent_proposed(intent.strategy_id, intent.symbol)
