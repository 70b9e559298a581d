"""Features: the kernels in small calls, and one symbol from the feed's publish to its stored rows.

The kernels are measured on real ticks, the head of the packaged E-mini trades; the flow on a made market
that is as busy as the flow is fast, so that there is a row for each tick but not a bar for every dozen.
"""

import asyncio
import math
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
import structlog

from contracts import codec, subjects
from contracts.columns import Columns, feature_columns, pack
from contracts.market import TRADE_COLUMNS, TickBatch
from ops.telemetry.metrics import Metrics
from services.bench.result import BenchResult, Case
from services.features.service import FeatureService
from services.kit.broker import EmbeddedBroker
from services.kit.layout import Run
from services.kit.process import Context, Health
from services.kit.settings import ServiceSettings
from streams.bus import Bus
from streams.bus.specs import MARKET
from streams.features import FeatureProcessor
from streams.features.fusion import COLUMNS_BEFORE, Fused, fuse, state_size
from streams.kernels import Floats, Packed
from streams.sources.dataset import packaged_es

ROWS = 64
KERNEL_TICKS = ROWS * 2_000
PLAIN_TICKS = ROWS * 300
FLOW_TICKS = ROWS * 6_000
VENUE, SYMBOL = "CME", "ES"
SUBJECT = subjects.trade(VENUE, SYMBOL)


def kernel_64(runs: int) -> BenchResult:
    """The fused kernels at 64 rows a call, against the loop that one would write first."""
    columns = ticks(KERNEL_TICKS)
    assert_equal_output(columns)
    batches = tick_batches(columns)
    features = FeatureProcessor().features
    fused = fuse(features, "core")
    calls = [np.frombuffer(batch.columns, dtype=np.uint8) for batch in batches]
    out = np.empty((COLUMNS_BEFORE + len(features)) * ROWS)
    kernel_ns, processor_ns, plain_ns = [], [], []
    for _ in range(runs):
        kernel_ns.append(timed_kernel(fused, calls, np.zeros(state_size(features)), out) / KERNEL_TICKS)
        processor_ns.append(timed_processor(FeatureProcessor(), batches) / KERNEL_TICKS)
        plain_ns.append(timed_plain(columns, PLAIN_TICKS) / PLAIN_TICKS)
    value, reference_value = statistics.median(kernel_ns), statistics.median(plain_ns)
    return BenchResult(
        bench="features",
        case="kernel-64",
        value=value,
        unit="ns/tick",
        reference="the plain Python loop, an object a feature, incremental too",
        reference_value=reference_value,
        ratio=reference_value / value,
        runs=runs,
        detail={
            "features": float(len(features)),
            "rows_a_call": float(ROWS),
            "checked_and_packed_ns_per_tick": statistics.median(processor_ns),
        },
    )


def one_symbol(runs: int) -> BenchResult:
    """Feed, JetStream, kernels and the stored feature rows, all but the broker in this process."""
    batches = tick_batches(busy_market(FLOW_TICKS))
    ours_s, hop_s, cpu_s = [], [], []
    for _ in range(runs):
        cpu_started_s = time.process_time()
        ours_s.append(on_a_broker(batches, through_the_service))
        cpu_s.append(time.process_time() - cpu_started_s)
        hop_s.append(on_a_broker(batches, through_the_stream))
    value, reference_value = FLOW_TICKS / statistics.median(ours_s), FLOW_TICKS / statistics.median(hop_s)
    return BenchResult(
        bench="features",
        case="1-symbol",
        value=value,
        unit="ticks/s",
        reference="the same batches through JetStream, read and not computed",
        reference_value=reference_value,
        ratio=value / reference_value,
        runs=runs,
        detail={
            "ticks": float(FLOW_TICKS),
            "rows_a_batch": float(ROWS),
            "cpu_us_per_tick": statistics.median(cpu_s) / FLOW_TICKS * 1e6,
        },
    )


def ticks(count: int) -> Columns:
    """The first ``count`` packaged trades."""
    parts: list[Columns] = []
    rows = 0
    for stretch in packaged_es().batches():
        parts.append(stretch.columns)
        rows += stretch.count
        if rows >= count:
            break
    return {name: np.concatenate([part[name] for part in parts])[:count] for name, _ in TRADE_COLUMNS}


def busy_market(count: int) -> Columns:
    """A seeded walk of 500,000 trades a second of event time."""
    random = np.random.default_rng(1)
    return {
        "ts_event_ns": np.arange(1, count + 1, dtype=np.int64) * 2_000,
        "price": 1_640.0 + 0.25 * np.cumsum(random.choice([-1, 0, 0, 0, 0, 1], count)),
        "size": random.integers(1, 30, count).astype(np.float64),
        "aggressor": np.zeros(count, dtype=np.int8),
    }


def tick_batches(columns: Columns, rows: int = ROWS) -> list[TickBatch]:
    count = len(columns["price"])
    return [
        TickBatch(
            source="bench",
            venue=VENUE,
            symbol=SYMBOL,
            kind="trade",
            first_seq=start + 1,
            count=min(rows, count - start),
            ts_recv_ns=0,
            columns=pack(
                TRADE_COLUMNS, {name: column[start : start + rows] for name, column in columns.items()}
            ),
        )
        for start in range(0, count, rows)
    ]


def timed_kernel(fused: Fused, calls: Sequence[Packed], state: Floats, out: Floats) -> int:
    """CPU nanoseconds for all calls of the fused kernel."""
    started_ns = time.process_time_ns()
    for packed in calls:
        fused(packed, 1, state, out)
    return time.process_time_ns() - started_ns


def timed_processor(processor: FeatureProcessor, batches: Sequence[TickBatch]) -> int:
    """CPU nanoseconds for checking, computing and packing all batches."""
    processor.warm_up()
    started_ns = time.process_time_ns()
    for batch in batches:
        processor.process(batch)
    return time.process_time_ns() - started_ns


def timed_plain(columns: Columns, count: int) -> int:
    """CPU nanoseconds for the plain loop over the first ``count`` ticks."""
    started_ns = time.process_time_ns()
    plain_rows(columns, count)
    return time.process_time_ns() - started_ns


class PlainReturn:
    """Log return."""

    name, warm_up = "log_return", 1

    def __init__(self) -> None:
        self.last = 0.0

    def update(self, price: float, _size: float, _aggressor: int) -> float:
        value = math.log(price / self.last) if self.last else 0.0
        self.last = price
        return value


class PlainVolatility:
    """EWMA volatility, seeded with the mean of the first 64 squares."""

    name, warm_up = "ewma_volatility", 64

    def __init__(self) -> None:
        self.last = self.variance = 0.0
        self.count = 0

    def update(self, price: float, _size: float, _aggressor: int) -> float:
        if self.last:
            square = math.log(price / self.last) ** 2
            self.count += 1
            if self.count <= 64:
                self.variance += (square - self.variance) / self.count
            else:
                self.variance = 0.98 * self.variance + 0.02 * square
        self.last = price
        return math.sqrt(self.variance)


class PlainRsi:
    """RSI as Wilder smooths it."""

    name, warm_up = "rsi", 64

    def __init__(self) -> None:
        self.last = self.gain = self.loss = 0.0
        self.count = 0

    def update(self, price: float, _size: float, _aggressor: int) -> float:
        if self.last:
            gain, loss = max(price - self.last, 0.0), max(self.last - price, 0.0)
            self.count += 1
            if self.count <= 64:
                self.gain += (gain - self.gain) / self.count
                self.loss += (loss - self.loss) / self.count
            else:
                self.gain = (self.gain * 63.0 + gain) / 64.0
                self.loss = (self.loss * 63.0 + loss) / 64.0
        self.last = price
        moved = self.gain + self.loss
        return 100.0 * self.gain / moved if moved else 50.0


class PlainRolling:
    """A running sum over the last ``size`` values."""

    def __init__(self, size: int) -> None:
        self.values: deque[float] = deque()
        self.size, self.total = size, 0.0

    def add(self, value: float) -> float:
        self.values.append(value)
        self.total += value
        if len(self.values) > self.size:
            self.total -= self.values.popleft()
        return self.total


class PlainVwap:
    """Rolling VWAP."""

    name, warm_up = "vwap", 511

    def __init__(self) -> None:
        self.amounts, self.volumes = PlainRolling(512), PlainRolling(512)

    def update(self, price: float, size: float, _aggressor: int) -> float:
        amount, volume = self.amounts.add(price * size), self.volumes.add(size)
        return amount / volume if volume else price


class PlainImbalance:
    """Rolling imbalance of signed sizes, by the tick rule where the aggressor is not known."""

    name, warm_up = "trade_imbalance", 255

    def __init__(self) -> None:
        self.nets, self.volumes = PlainRolling(256), PlainRolling(256)
        self.last = self.direction = 0.0

    def update(self, price: float, size: float, aggressor: int) -> float:
        if self.last and price != self.last:
            self.direction = 1.0 if price > self.last else -1.0
        self.last = price
        net = self.nets.add(size * (aggressor or self.direction))
        volume = self.volumes.add(size)
        return net / volume if volume else 0.0


class PlainZscore:
    """Rolling z-score from running sums of the distance to the first price."""

    name, warm_up = "zscore", 255

    def __init__(self) -> None:
        self.sums, self.squares = PlainRolling(256), PlainRolling(256)
        self.first = 0.0

    def update(self, price: float, _size: float, _aggressor: int) -> float:
        self.first = self.first or price
        distance = price - self.first
        total, squares = self.sums.add(distance), self.squares.add(distance * distance)
        count = len(self.sums.values)
        variance = squares / count - (total / count) ** 2
        return (distance - total / count) / math.sqrt(variance) if variance > 0.0 else 0.0


PLAIN = (PlainVolatility, PlainReturn, PlainRsi, PlainImbalance, PlainVwap, PlainZscore)

PlainRow = tuple[int, int, float, int, list[float]]
"""seq, ts_event_ns, price, valid, values: what the kernels write for each tick."""


def plain_rows(columns: Columns, count: int) -> list[PlainRow]:
    """The loop that one writes first: a tick at a time through an object a feature."""
    features = [kind() for kind in PLAIN]
    rows: list[PlainRow] = []
    lists = (columns[name][:count].tolist() for name, _ in TRADE_COLUMNS)
    for seq, (ts_event_ns, price, size, aggressor) in enumerate(zip(*lists, strict=True), 1):
        values, valid = [], 0
        for bit, feature in enumerate(features):
            value = feature.update(price, size, aggressor)
            if seq > feature.warm_up and math.isfinite(value):
                valid |= 1 << bit
                values.append(value)
            else:
                values.append(0.0)
        rows.append((seq, ts_event_ns, price, valid, values))
    return rows


def assert_equal_output(columns: Columns) -> None:
    """The kernels and the plain loop give the same rows; values agree to 1e-9."""
    head = {name: column[:PLAIN_TICKS] for name, column in columns.items()}
    processor = FeatureProcessor()
    if processor.names != tuple(kind.name for kind in PLAIN):
        raise AssertionError(f"the core set is {processor.names}: write the plain loop of each")
    outputs = [output for batch in tick_batches(head) if (output := processor.process(batch))]
    found = [feature_columns(output) for output in outputs]
    plain = plain_rows(head, PLAIN_TICKS)
    for index, name in enumerate(("seq", "ts_event_ns", "price", "valid")):
        wanted = np.array([row[index] for row in plain])
        np.testing.assert_array_equal(np.concatenate([part[name] for part in found]), wanted, err_msg=name)
    values = np.array([row[-1] for row in plain]).T
    for name, wanted in zip(processor.names, values, strict=True):
        got = np.concatenate([part[name] for part in found]).astype(np.float64)
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9, err_msg=name)


Flow = Callable[[EmbeddedBroker, Bus, Sequence[TickBatch]], Awaitable[float]]
"""A way for the batches to go; seconds from the first publish to the end."""


def on_a_broker(batches: Sequence[TickBatch], flow: Flow) -> float:
    """Seconds on a broker of its own, which is gone afterwards."""

    async def inside(broker: EmbeddedBroker) -> float:
        async with Bus.connect(broker.settings_of("feed")) as feed:
            return await flow(broker, feed, batches)

    with (
        tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder,
        EmbeddedBroker(Path(folder) / "bench") as broker,
    ):
        return asyncio.run(inside(broker))


async def through_the_service(broker: EmbeddedBroker, feed: Bus, batches: Sequence[TickBatch]) -> float:
    """To the confirmed feature rows and bars."""
    async with Bus.connect(broker.settings_of("features")) as bus:
        service = FeatureService(context_of(broker, bus))
        work = asyncio.create_task(service.run())
        started_s = time.perf_counter()
        await publish(feed, batches)
        await service.reach(len(batches))
        await service.outlet.prove()
        seconds = time.perf_counter() - started_s
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    return seconds


async def through_the_stream(broker: EmbeddedBroker, feed: Bus, batches: Sequence[TickBatch]) -> float:
    """To the last batch read."""
    async with Bus.connect(broker.settings_of("features")) as bus:
        reading = asyncio.create_task(read(bus, len(batches)))
        started_s = time.perf_counter()
        await publish(feed, batches)
        await reading
        return time.perf_counter() - started_s


async def publish(feed: Bus, batches: Sequence[TickBatch]) -> None:
    window = feed.window(MARKET)
    for batch in batches:
        await window.publish(SUBJECT, codec.encode(batch))
    await window.close_window()


async def read(bus: Bus, last_seq: int) -> None:
    async for messages in bus.read(MARKET):
        if messages[-1].stream_seq >= last_seq:
            return


def context_of(broker: EmbeddedBroker, bus: Bus) -> Context:
    settings = ServiceSettings(
        service="features", run_id="bench", run_dir=broker.run_dir, nats_url=broker.url
    )
    log = structlog.wrap_logger(structlog.testing.CapturingLogger())
    stopping = asyncio.Event()
    return Context(settings, Run(broker.run_dir), bus, log, Metrics("features"), Health(), stopping)


CASES: dict[str, Case] = {"kernel-64": kernel_64, "1-symbol": one_symbol}
