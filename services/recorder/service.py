"""Recorder: writes every stream of the run to the journal, each message once.

Consumes    every stream                 in order, from behind the last flush of each
Publishes   dead.recorder                bytes that are no message; they are kept as they are too
Ready       the journal folder can be written and every stream is being read
In doubt    says in its heartbeat that the journal cannot be written; the gate then denies. What
            was read waits in memory, what was not waits in the broker: nothing is lost

A stop drains what the streams hold at that moment, for at most ``DRAIN_S``, flushes, and leaves the
end marker in the journal: how far each stream went. A replay holds the journal against it.
"""

import asyncio
import contextlib
import time

from contracts.operations import DeadLetter
from ops.authority.table import INTENT_PRINCIPALS
from services.kit.process import Context
from services.recorder.intake import Intake
from streams.bus import BusError, Message
from streams.bus.errors import StreamMissing
from streams.bus.specs import stream_specs
from streams.journal.ends import forget_ends, write_ends
from streams.journal.errors import JournalUnwritable
from streams.journal.writer import JournalWriter, probe

FLUSH_ROWS = 50_000
FLUSH_S, FLUSH_S_MAX = 3.0, 60.0
FLUSHES_OF_AGE = 40
"""A flush comes at the latest after a 40th of the recorder's age, between the two bounds: a young
run is fresh in the journal, and one of days is not a hundred thousand small files."""

PROBE_S = 0.25
PROBE_AGE_S_MAX = 0.75
"""How old the last good probe may be. A disk that hangs answers nothing, and that is an answer."""

DRAIN_S = 1.5
ROWS_MAX = 500_000
"""Rows that wait in memory at the most while nothing can be flushed; then reading pauses."""


class Recorder:
    """The journal's writer with what it has read: everything that must agree."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._writer = JournalWriter(context.run.journal)
        self._intake = Intake(self._writer)
        self._lock = asyncio.Lock()
        self._wants_flush = asyncio.Event()
        self._has_moved = asyncio.Condition()
        self._flush_failure = ""
        self._probed_s = float("-inf")
        self._rewinds_told = 0
        forget_ends(context.run.journal)
        for problem in self._writer.problems:
            context.log.warning("journal.unreadable", path=str(problem.path), cause=problem.cause)

    async def record(self, stream: str) -> None:
        """Keep a stream, for ever."""
        self._intake.positions[stream] = self._writer.next_seq(stream) - 1
        start_seq = self._writer.read_from(stream)
        async for batch in self._context.bus.read(stream, start_seq=start_seq, batch_max=256):
            await self._take(batch)

    async def flush_for_ever(self) -> None:
        """Flush when enough rows wait, or enough time has passed."""
        started_s = time.monotonic()
        while True:
            age_s = time.monotonic() - started_s
            patience_s = max(FLUSH_S, min(FLUSH_S_MAX, age_s / FLUSHES_OF_AGE))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wants_flush.wait(), patience_s)
            await self.flush()
            if self._flush_failure:
                await asyncio.sleep(PROBE_S)

    async def flush(self) -> None:
        """Write what waits. A failure is told in the heartbeat and tried again."""
        started_s = time.perf_counter()
        async with self._lock:
            self._wants_flush.clear()
            try:
                rows = await asyncio.to_thread(self._writer.flush)
            except JournalUnwritable as error:
                self._flush_failure = str(error)
                self._context.log.error("journal.unwritable", cause=str(error), rows=self._writer.rows)  # noqa: TRY400  # an expected refusal: its cause says all
                return
        self._flush_failure = ""
        if rows:
            seconds = time.perf_counter() - started_s
            self._context.metrics.journal_rows.labels(stream="all").inc(rows)
            self._context.metrics.journal_flush_seconds.observe(seconds)
            self._context.log.info("journal.flushed", rows=rows, seconds=round(seconds, 4))
        async with self._has_moved:
            self._has_moved.notify_all()

    async def probe_for_ever(self) -> None:
        """Ask every ``PROBE_S`` whether the journal can be written, and say so."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_S)

    async def probe(self) -> None:
        """Whether the journal can be written now."""
        failure = self._flush_failure
        try:
            await asyncio.to_thread(probe, self._context.run.journal)
        except JournalUnwritable as error:
            failure = str(error)
        else:
            self._probed_s = time.monotonic()
        health = self._context.health
        health.is_ok, health.cause = not failure, failure
        health.position, health.ts_event_ns = self._intake.taken, self._intake.ts_event_ns

    async def doubt_for_ever(self) -> None:
        """Vouch for nothing while no probe comes back: a hung disk raises no error."""
        while True:
            age_s = time.monotonic() - self._probed_s
            health = self._context.health
            if health.is_ok and age_s > PROBE_AGE_S_MAX:
                health.is_ok = False
                health.cause = f"{self._context.run.journal} has taken no write for {age_s:.1f} s"
                self._context.log.error("journal.hung", cause=health.cause)
            await asyncio.sleep(PROBE_S)

    async def drain(self) -> None:
        """Keep what the streams hold now, flush it, and mark the end where that was all."""
        try:
            async with asyncio.timeout(DRAIN_S):
                ends = {stream: await self._last_seq(stream) for stream in self._intake.positions}
                async with self._has_moved:
                    await self._has_moved.wait_for(lambda: self._has_reached(ends))
        except (TimeoutError, BusError) as error:
            self._context.log.warning("journal.undrained", cause=str(error) or "too much in too little time")
            await self.flush()
            return
        await self.flush()
        if self._flush_failure or self._writer.problems:
            return
        try:
            write_ends(self._context.run.journal, self._writer.last_seqs())
        except JournalUnwritable as error:
            self._context.log.warning("journal.unmarked", cause=str(error))

    async def _take(self, batch: list[Message]) -> None:
        while self._writer.rows >= ROWS_MAX:
            async with self._has_moved:
                await self._has_moved.wait()
        async with self._lock:
            letters = [letter for message in batch if (letter := self._intake.take(message)) is not None]
        self._tell_rewinds()
        if self._writer.rows >= FLUSH_ROWS:
            self._wants_flush.set()
        async with self._has_moved:
            self._has_moved.notify_all()
        for letter in letters:
            await self._bury(letter)

    def _tell_rewinds(self) -> None:
        for rewind in self._writer.rewinds[self._rewinds_told :]:
            self._rewinds_told += 1
            self._context.bus.counters.gaps += 1
            self._context.log.error(
                "journal.stream_rewound",
                stream=rewind.stream,
                life=rewind.life,
                first_seq=rewind.first_seq,
                lost=rewind.lost,
                cause="the broker lost the end of the stream, as it does in a crash; the journal keeps both",
            )

    async def _bury(self, letter: DeadLetter) -> None:
        self._context.metrics.dead_letters.labels(cause=letter.cause.value).inc()
        self._context.log.warning(
            "message.undecodable", stream=letter.stream, stream_seq=letter.stream_seq, cause=letter.detail
        )
        try:
            await self._context.bus.dead(letter)
        except BusError as error:  # the raw row is kept in any case
            self._context.log.warning("letter.unsent", cause=str(error))

    async def _last_seq(self, stream: str) -> int:
        return (await self._context.bus.stream_state(stream)).last_seq

    def _has_reached(self, ends: dict[str, int]) -> bool:
        return all(self._intake.positions[stream] >= end for stream, end in ends.items())


async def serve(context: Context) -> None:
    """Record until stopped, then drain."""
    recorder = Recorder(context)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(recorder.record(stream))
            for stream in [spec.name for spec in stream_specs(INTENT_PRINCIPALS)]
            if await _exists(context, stream)
        ]
        running.append(tasks.create_task(recorder.flush_for_ever()))
        running.append(tasks.create_task(recorder.probe_for_ever()))
        await recorder.probe()
        running.append(tasks.create_task(recorder.doubt_for_ever()))
        context.health.is_ready = True
        context.log.info("recorder.ready", streams=len(running) - 3)
        await context.stopping.wait()
        await recorder.drain()
        for task in running:
            task.cancel()


async def _exists(context: Context, stream: str) -> bool:
    try:
        await context.bus.stream_state(stream)
    except StreamMissing:
        context.log.info("recorder.stream_missing", stream=stream)
        return False
    return True
