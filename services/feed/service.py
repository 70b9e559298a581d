"""Feed: plays sources of market data into the bus, paced by event time.

Consumes    files, or the generator
Publishes   md.trade.*.*     batches of trades
            md.clock         at least every 100 ms of paced time, also when nothing trades
            dead.feed        rows that the guard took out, counted
Ready       sources open, a name of its own claimed
In doubt    stops: a batch that the broker does not confirm is kept and sent again, and while it
            cannot be, nothing after it is published; the clock stands still and the gate sees it
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from secrets import token_hex
from typing import Protocol

import structlog
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from contracts import codec, subjects
from contracts.columns import pack
from contracts.market import TRADE_COLUMNS, Clock, TickBatch
from contracts.scalars import SECOND_NS
from ops.telemetry.metrics import Metrics
from services.feed.naming import MARKET, base_name, claim
from services.feed.playback import Playback, prepare
from services.feed.settings import FeedSettings, from_environment
from services.kit.process import Context, Health
from streams.bus import Bus, BusError
from streams.bus.window import PublishWindow
from streams.sources.batching import Batch
from streams.sources.pacing import ClockDue

NAP_S = 0.05
"""The longest sleep at a time, so that a stop is heard soon."""

BREATHER_ITEMS = 32
"""As fast as possible the loop still lets the heartbeat run."""


class Wall(Protocol):
    """Wall time, as an argument."""

    def now_ns(self) -> int:
        """Unix nanoseconds."""
        ...

    def monotonic_ns(self) -> int: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemWall:
    """The machine's clock."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Played(Struct):
    """What a feed has done so far.

    Attributes:
        source: The name that it claimed.
        rows, batches, clocks: Published.
        problems: Rows reported in dead letters.
        ts_event_ns: Of the newest row or clock.
        is_whole: Whether it came to the end of its sources.
    """

    source: str = ""
    rows: int = 0
    batches: int = 0
    clocks: int = 0
    problems: int = 0
    ts_event_ns: int = 0
    is_whole: bool = False


class Player:
    """One playback over one bus."""

    def __init__(
        self,
        bus: Bus,
        playback: Playback,
        stopping: asyncio.Event,
        *,
        wall: Wall,
        health: Health,
        log: FilteringBoundLogger,
        metrics: Metrics | None,
    ) -> None:
        self._bus, self._playback, self._stopping = bus, playback, stopping
        self._wall, self._health, self._log, self._metrics = wall, health, log, metrics
        self._window: PublishWindow = bus.window(MARKET)
        self._cleared = 0
        self.played = Played()

    async def run(self, source: str) -> Played:
        """Play to the end or until stopped; either way the last message is the final clock."""
        playback, played = self._playback, self.played
        played.source = source
        begin_ns = self._wall.monotonic_ns()
        try:
            for item in playback.items:
                await self._write_letters()
                await self._wait(begin_ns + playback.pacer.offset_ns(item.due_ns))
                if self._stopping.is_set():
                    break
                await (self._batch(item) if isinstance(item, Batch) else self._clock(item))
                played.is_whole = isinstance(item, ClockDue) and item.is_final
        finally:
            # Also where the source turned out to be unreadable: what was published is proved and ended.
            await self._end()
        return played

    async def _end(self) -> None:
        if not self.played.is_whole:
            await self._clock(ClockDue(due_ns=0, ts_event_ns=self.played.ts_event_ns, is_final=True))
        await self._write_letters()

    async def _batch(self, batch: Batch) -> None:
        message = TickBatch(
            source=self.played.source,
            venue=batch.venue,
            symbol=batch.symbol,
            kind="trade",
            first_seq=batch.first_seq,
            count=batch.count,
            ts_recv_ns=self._wall.now_ns(),
            columns=pack(TRADE_COLUMNS, batch.columns),
        )
        await self._publish(subjects.trade(batch.venue, batch.symbol), codec.encode(message))
        self.played.rows += batch.count
        self.played.batches += 1
        self._saw(batch.last_ts_ns)
        if self._metrics:
            self._metrics.rows.labels(symbol=batch.symbol).inc(batch.count)

    async def _clock(self, due: ClockDue) -> None:
        clock = Clock(
            source=self.played.source,
            ts_event_ns=due.ts_event_ns,
            ts_recv_ns=self._wall.now_ns(),
            is_final=due.is_final,
        )
        await self._publish(subjects.CLOCK, codec.encode(clock))
        self.played.clocks += 1
        self._saw(due.ts_event_ns)
        if due.is_final or self._playback.pacer.is_paced:
            await self._prove()

    async def _publish(self, subject: str, payload: bytes) -> None:
        try:
            await self._window.publish(subject, payload)
        except BusError as error:
            self._trouble(error)
            await self._prove()
        self._health.position += 1
        if self._metrics:
            self._metrics.messages.labels(subject=subjects.template_of(subject)).inc()

    async def _prove(self) -> None:
        """Have everything so far confirmed; the window keeps it until it is."""
        await self._insist(self._window.close_window)

    async def _insist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do it for as long as that takes. Raises BusError where it fails after a stop."""
        while True:
            try:
                await action()
            except BusError as error:
                self._trouble(error)
                if self._stopping.is_set():
                    raise
                await self._wall.sleep(NAP_S)
            else:
                self._health.is_ok, self._health.cause = True, ""
                return

    def _trouble(self, error: BusError) -> None:
        if self._health.is_ok:
            self._log.warning("feed.unconfirmed", cause=str(error))
        self._health.is_ok, self._health.cause = False, str(error)[:500]

    async def _wait(self, target_ns: int) -> None:
        self._cleared += 1
        if self._cleared % BREATHER_ITEMS == 0:
            await self._wall.sleep(0)
        while not self._stopping.is_set():
            left_ns = target_ns - self._wall.monotonic_ns()
            if left_ns <= 0:
                return
            await self._wall.sleep(min(left_ns / SECOND_NS, NAP_S))

    async def _write_letters(self) -> None:
        letters = self._playback.letters
        while letters:
            letter = letters.popleft()
            self.played.problems += letter.count
            self._log.warning(
                "feed.rows_refused", cause=letter.cause, count=letter.count, detail=letter.detail
            )
            if self._metrics:
                self._metrics.dead_letters.labels(cause=letter.cause).inc(letter.count)
            await self._insist(partial(self._bus.dead, letter))

    def _saw(self, ts_event_ns: int) -> None:
        self.played.ts_event_ns = max(self.played.ts_event_ns, ts_event_ns)
        self._health.ts_event_ns = self.played.ts_event_ns


async def play(
    bus: Bus,
    settings: FeedSettings,
    *,
    stopping: asyncio.Event | None = None,
    wall: Wall | None = None,
    health: Health | None = None,
    log: FilteringBoundLogger | None = None,
    metrics: Metrics | None = None,
) -> Played:
    """Play to the end of the sources, or until ``stopping`` is set.

    Raises:
        SettingInvalid, SourceInvalid: there is nothing that could be played.
        BusError: stopped while the broker did not confirm.
    """
    wall, health, log = wall or SystemWall(), health or Health(), log or structlog.get_logger("feed")
    playback = prepare(settings)
    base = settings.name or base_name(playback.names)
    source = await claim(bus, base, playback.pacer.start_ns, wall.now_ns(), token_hex(8))
    log.info("feed.started", source=source, speed=settings.speed, from_ns=playback.pacer.start_ns)
    health.is_ready = True
    player = Player(
        bus, playback, stopping or asyncio.Event(), wall=wall, health=health, log=log, metrics=metrics
    )
    played = await player.run(source)
    log.info("feed.ended", rows=played.rows, problems=played.problems, is_whole=played.is_whole)
    return played


async def serve(context: Context) -> None:
    """The service: what ``PENSTOCK_FEED_*`` says."""
    await play(
        context.bus,
        from_environment(os.environ),
        stopping=context.stopping,
        health=context.health,
        log=context.log,
        metrics=context.metrics,
    )
