"""Features: turns ticks into feature rows and bars.

Consumes    md.>                  from the run's first message, so that state is what it was
Publishes   feat.<set>.*.*        one row a tick
            md.bar.*.*.*          closed bars
            dead.features         messages that cannot be read, rows that are late or unusable
Ready       kernels compiled, every message that was there at the start taken in
In doubt    holds: what the broker does not confirm is sent again, and nothing after it is published;
            after a restart only rows and bars that are not there yet are published
"""

import asyncio
import contextlib
import time
from functools import cache, partial
from typing import TypeVar

import numpy as np

from contracts import codec, subjects
from contracts.columns import ColumnsInvalid
from contracts.features import FeatureBatch
from contracts.market import Bar, Clock, TickBatch
from contracts.operations import DeadCause, DeadLetter
from contracts.scalars import SECOND_NS
from services.features.letters import refused, set_aside
from services.features.outlet import Outlet
from services.features.resume import Resume, newest_first
from services.kit.chain import BAR_INTERVALS, FEATURE_SET
from services.kit.process import Context
from streams.bars import BarProcessor
from streams.bus import BusError, Message, MessageRefused
from streams.bus.specs import BARS, FEATURES, MARKET
from streams.features import FeatureProcessor

NOWHERE = 2**63

DRAIN_S = 2.0
"""After a stop: time for what is in the stream already."""

CONFIRM_S = 1.0
"""After that: time for the broker to confirm the last window."""

Event = TypeVar("Event", TickBatch, Clock)

template_of = cache(subjects.template_of)
tick_subject = cache(subjects.tick)
feature_subject = cache(subjects.features)
bar_subject = cache(subjects.bar)


class FeatureService:
    """The processors, and the way out: everything that must agree.

    Attributes:
        seq: Stream sequence of the last message handled.
    """

    def __init__(self, context: Context) -> None:
        self.seq = 0
        self._context = context
        self._features = FeatureProcessor(FEATURE_SET)
        self._features.warm_up()
        self._bars = BarProcessor(BAR_INTERVALS)
        self._resume = Resume(partial(newest_first, context.bus))
        self._there_already = 0
        self._goal = NOWHERE
        self._at_goal = asyncio.Event()
        # One lookup of a labelled metric costs as much as ten increments.
        self._messages = cache(lambda name: context.metrics.messages.labels(subject=name))
        self._rows = cache(lambda symbol: context.metrics.rows.labels(symbol=symbol))
        self.outlet = Outlet(context.bus, context.health, context.log)

    async def run(self) -> None:
        """Take in the stream from its first message, for ever."""
        state = await self._context.bus.stream_state(MARKET)
        self._there_already = state.last_seq
        if state.first_seq > 1:
            self._context.log.warning("market.discarded", first_seq=state.first_seq)
        self._report()
        async for messages in self._context.bus.read(MARKET):
            for message in messages:
                await self.handle(message)
            self._report()

    async def reach(self, seq: int) -> None:
        """Wait until the message of this stream sequence has been handled."""
        self._goal = seq
        if self.seq < seq:
            await self._at_goal.wait()

    async def handle(self, message: Message) -> None:
        """One message: compute and publish, or bury."""
        if message.stream_seq > self._there_already:
            self._resume.end()
        try:
            if message.subject == subjects.CLOCK:
                await self._clock(message)
            else:
                await self._ticks(message)
        except MessageRefused as error:
            await self._bury(refused(message, error, self._context.health.ts_event_ns))
        self.seq = message.stream_seq
        self._context.health.position += 1
        self._messages(template_of(message.subject)).inc()
        if self.seq >= self._goal:
            self._at_goal.set()

    async def _ticks(self, message: Message) -> None:
        batch = _decoded(TickBatch, message)
        expected = tick_subject(batch.kind, batch.venue, batch.symbol)
        if message.subject != expected:
            found = f"the subject is {message.subject}, expected {expected} for this body"
            raise MessageRefused(DeadCause.SUBJECT_MISMATCH, found)
        try:
            rows = self._features.process(batch)
            if rows is not None:
                await self._publish_rows(rows)
            for bar in self._bars.process(batch):
                await self._publish_bar(bar)
        except ColumnsInvalid as error:
            raise MessageRefused(DeadCause.UNDECODABLE, str(error)) from error
        # Bars see the clock too, so what features set aside they set aside as well.
        self._features.take_aside()
        for letter in set_aside(message, self._bars.take_aside()):
            await self._bury(letter)
        self._saw(_last_ts_ns(batch), batch.ts_recv_ns)

    async def _clock(self, message: Message) -> None:
        clock = _decoded(Clock, message)
        for bar in self._bars.advance(clock):
            await self._publish_bar(bar)
        self._saw(clock.ts_event_ns, clock.ts_recv_ns)

    async def _publish_rows(self, rows: FeatureBatch) -> None:
        subject = feature_subject(rows.set, rows.venue, rows.symbol)
        fresh = await self._resume.new_rows(subject, rows)
        if fresh is not None:
            await self.outlet.publish(FEATURES, subject, codec.encode(fresh))
        self._rows(rows.symbol).inc(rows.count)

    async def _publish_bar(self, bar: Bar) -> None:
        subject = bar_subject(bar.interval, bar.venue, bar.symbol)
        if await self._resume.is_new_bar(subject, bar):
            await self.outlet.publish(BARS, subject, codec.encode(bar))

    async def _bury(self, letter: DeadLetter) -> None:
        self._context.log.warning(
            "market.refused", cause=letter.cause, count=letter.count, detail=letter.detail
        )
        self._context.metrics.dead_letters.labels(cause=letter.cause).inc(letter.count)
        await self.outlet.bury(letter)

    def _saw(self, ts_event_ns: int, ts_recv_ns: int) -> None:
        health, metrics = self._context.health, self._context.metrics
        health.ts_event_ns = max(health.ts_event_ns, ts_event_ns)
        metrics.event_age_seconds.set(max(0, time.time_ns() - ts_recv_ns) / SECOND_NS)

    def _report(self) -> None:
        health = self._context.health
        if not health.is_ready and self.seq >= self._there_already:
            health.is_ready = True
            self._context.log.info("features.caught_up", seq=self.seq)


async def serve(context: Context) -> None:
    """The service: until it is stopped; then to the end of what is there, confirmed."""
    service = FeatureService(context)
    context.log.info("features.compiled", set=FEATURE_SET)
    work = asyncio.ensure_future(service.run())
    prover = asyncio.ensure_future(service.outlet.prove_for_ever())
    stop = asyncio.ensure_future(context.stopping.wait())
    try:
        await asyncio.wait({work, prover, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and not prover.done():
            await _drain(context, service)
    finally:
        for task in (work, prover, stop):
            task.cancel()
        results = await asyncio.gather(work, prover, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    with contextlib.suppress(BusError, TimeoutError):
        await asyncio.wait_for(service.outlet.prove(), CONFIRM_S)
    context.log.info("features.drained", seq=service.seq)


async def _drain(context: Context, service: FeatureService) -> None:
    """Let the work go on to the end of the stream, as it is now."""
    with contextlib.suppress(BusError, TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            last_seq = (await context.bus.stream_state(MARKET)).last_seq
            await service.reach(last_seq)


def _decoded(kind: type[Event], message: Message) -> Event:
    try:
        return codec.decode(kind, message.payload)
    except codec.Undecodable as error:
        raise MessageRefused(DeadCause.UNDECODABLE, str(error)) from error


def _last_ts_ns(batch: TickBatch) -> int:
    """Event time of the last row; the times are the first column of a batch of any kind."""
    return int(np.frombuffer(batch.columns, dtype="<i8", count=batch.count)[-1])
