"""The features process against a real broker: each row and bar once, whatever happens around it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec
import numpy as np
import pytest
import structlog
from structlog.testing import CapturingLogger

from contracts import codec, subjects
from contracts.columns import feature_columns
from contracts.features import FeatureBatch
from contracts.market import Bar, Clock
from contracts.operations import DeadCause, DeadLetter
from ops.telemetry.metrics import Metrics
from services.features.service import serve
from services.kit.layout import Run
from services.kit.process import Context, Health
from services.kit.settings import ServiceSettings
from streams.bars import BarProcessor
from streams.features import FeatureProcessor
from tests.streams.ticks import SECOND_NS, START_NS, batch, batches, trades, walk

DEADLINE_S = 15.0
COUNT = 3_000
WALK = walk(COUNT, pause_ns=60_000_000)
PARTS = batches(WALK, range(0, COUNT, 37))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # the condition is the broker's, which has no event
            await asyncio.sleep(0.005)


class Surroundings:
    """A feed, a reader, and the service, which can be started, stopped and killed."""

    def __init__(self, broker, feed, viewer, open_bus):
        self.broker, self._viewer, self._open_bus = broker, viewer, open_bus
        self._window = feed.window("MARKET")
        self.logger = CapturingLogger()

    async def publish(self, *messages):
        """Trade batches and clocks, confirmed."""
        for message in messages:
            clock = isinstance(message, Clock)
            subject = subjects.CLOCK if clock else subjects.trade(message.venue, message.symbol)
            await self._window.publish(subject, codec.encode(message))
        await self._window.close_window()

    async def publish_bytes(self, subject, payload):
        await self._window.publish(subject, payload)
        await self._window.close_window()

    def context(self, bus):
        settings = ServiceSettings(
            service="features", run_id="test", run_dir=self.broker.run_dir, nats_url=self.broker.url
        )
        log = structlog.wrap_logger(self.logger, wrapper_class=structlog.make_filtering_bound_logger(0))
        run = Run(self.broker.run_dir)
        return Context(settings, run, bus, log, Metrics("features"), Health(), asyncio.Event())

    @contextlib.asynccontextmanager
    async def service(self, *, is_killed=False):
        """The service runs for the block, then is stopped as the kit stops it, or cancelled."""
        async with self._open_bus() as bus:
            context = self.context(bus)
            task = asyncio.create_task(serve(context))
            try:
                yield context
            finally:
                context.stopping.set()
                if is_killed:
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait_for(task, DEADLINE_S)

    async def stored(self, stream, kind):
        state = await self._viewer.stream_state(stream)
        found = []
        if state.last_seq:
            async for messages in self._viewer.read(stream, stop_after=state.last_seq):
                found += [codec.decode(kind, message.payload) for message in messages]
        return found

    async def rows(self):
        parts = [feature_columns(stored) for stored in await self.stored("FEATURES", FeatureBatch)]
        return {name: np.concatenate([part[name] for part in parts]).tobytes() for name in parts[0]}

    async def count_rows(self):
        return sum(stored.count for stored in await self.stored("FEATURES", FeatureBatch))


@pytest.fixture
async def around(broker, bus_of):
    async with bus_of(broker, "feed") as feed, bus_of(broker, "viewer") as viewer:
        yield Surroundings(broker, feed, viewer, lambda: bus_of(broker, "features"))


def expected_rows():
    processor = FeatureProcessor()
    parts = [feature_columns(processor.process(part)) for part in PARTS]
    return {name: np.concatenate([part[name] for part in parts]).tobytes() for name in parts[0]}


def expected_bars():
    processor = BarProcessor()
    return [bar for part in PARTS for bar in processor.process(part)]


def by_subject(bars):
    return {name: [bar for bar in bars if bar.interval == name] for name in ("1s", "1m")}


async def test_publishes_a_row_a_tick_and_the_closed_bars(around):
    async with around.service():
        await around.publish(*PARTS)
    assert await around.rows() == expected_rows()
    assert by_subject(await around.stored("BARS", Bar)) == by_subject(expected_bars())


async def test_a_stop_waits_for_what_is_in_the_stream_already(around):
    await around.publish(*PARTS)
    async with around.service() as context:
        context.stopping.set()
    assert await around.count_rows() == COUNT
    assert context.health.position == len(PARTS)


async def test_a_single_batch_is_there_at_once_and_its_window_is_confirmed_soon(around):
    async with around.service() as context:
        await until(lambda: is_true(context.health.is_ready))
        await around.publish(batch(WALK))
        await until(lambda: has_rows(around, COUNT))
        window = context.bus.window("FEATURES")
        await until(lambda: is_true(window.unproved == 0 and window.last_seq == 1))


async def has_rows(around, count):
    return await around.count_rows() >= count


async def is_true(claim):
    return claim


@pytest.mark.parametrize("seed", range(4))
async def test_killed_at_any_moment_it_publishes_each_row_and_bar_once(around, seed):
    random = np.random.default_rng(seed)
    cuts = sorted(random.choice(len(PARTS), 3, replace=False).tolist())
    for start, stop in zip([0, *cuts], [*cuts, len(PARTS)], strict=True):
        published = asyncio.create_task(around.publish(*PARTS[start:stop]))
        async with around.service(is_killed=True):
            target = int(random.integers(0, COUNT * stop // len(PARTS) + 1)) // 2
            await until(lambda target=target: has_rows(around, target))
        await published
    async with around.service():
        pass
    assert await around.rows() == expected_rows()
    assert by_subject(await around.stored("BARS", Bar)) == by_subject(expected_bars())


async def test_goes_on_when_the_broker_comes_back(around):
    half = len(PARTS) // 2
    async with around.service() as context:
        await around.publish(*PARTS[:half])
        await until(lambda: is_true(context.health.position >= half))
        around.broker.kill()
        around.broker.start()
        await around.publish(*PARTS[half:])
        await until(lambda: is_true(context.health.position >= len(PARTS)))
    assert await around.rows() == expected_rows()


async def test_is_ready_when_it_has_caught_up_with_what_was_there(around):
    await around.publish(*PARTS)
    async with around.service() as context:
        assert not context.health.is_ready
        await until(lambda: is_true(context.health.is_ready))
        assert context.health.position >= len(PARTS)
    assert context.health.ts_event_ns == WALK["ts_event_ns"][-1]


async def test_is_ready_at_once_in_an_empty_run(around):
    async with around.service() as context:
        await until(lambda: is_true(context.health.is_ready))


async def test_a_clock_closes_bars(around):
    async with around.service():
        await around.publish(batch(trades([(START_NS, 10.0, 1.0, 0)])))
        await around.publish(Clock(source="test", ts_event_ns=START_NS + SECOND_NS, ts_recv_ns=0))
    (bar,) = await around.stored("BARS", Bar)
    assert (bar.interval, bar.ts_event_ns) == ("1s", START_NS + SECOND_NS)


@pytest.mark.parametrize(
    ("subject", "payload", "cause"),
    [
        (subjects.trade("CME", "ES"), b"\xff\x00", DeadCause.UNDECODABLE),
        (subjects.trade("CME", "NQ"), codec.encode(PARTS[0]), DeadCause.SUBJECT_MISMATCH),
        (
            subjects.trade("CME", "ES"),
            codec.encode(msgspec.structs.replace(PARTS[0], columns=b"short")),
            DeadCause.UNDECODABLE,
        ),
        (subjects.CLOCK, codec.encode(PARTS[0]), DeadCause.UNDECODABLE),
    ],
)
async def test_what_cannot_be_read_is_buried_and_it_goes_on(around, subject, payload, cause):
    async with around.service():
        await around.publish_bytes(subject, payload)
        await around.publish(*PARTS)
    (letter,) = await around.stored("DEAD", DeadLetter)
    assert (letter.origin, letter.cause, letter.subject, letter.stream_seq) == ("features", cause, subject, 1)
    assert letter.payload == payload
    assert await around.rows() == expected_rows()


async def test_rows_that_were_not_processed_are_buried_with_their_content(around):
    columns = {name: column[:5].copy() for name, column in WALK.items()}
    columns["ts_event_ns"][2] = columns["ts_event_ns"][4] = 1
    columns["price"][3] = np.nan
    async with around.service():
        await around.publish(batch(columns))
    letters = {letter.cause: letter for letter in await around.stored("DEAD", DeadLetter)}
    assert {cause: letter.count for cause, letter in letters.items()} == {
        DeadCause.TIME_WENT_BACK: 2,
        DeadCause.PRICE_NOT_FINITE: 1,
    }
    shown = msgspec.json.decode(letters[DeadCause.TIME_WENT_BACK].payload)
    assert [(row["seq"], row["ts_event_ns"]) for row in shown] == [(3, 1), (5, 1)]
    assert "price is nan" in letters[DeadCause.PRICE_NOT_FINITE].detail
    assert await around.count_rows() == 2
