"""The bus: how many decoded ticks a second one process moves through JetStream.

The publisher and the reader share one process and the machine's cores with the broker. Time runs
from the first publish to the last tick decoded, so encoding, storing, delivery and decoding are
all in it.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from contracts import codec, columns, subjects
from contracts.market import TRADE_COLUMNS, TickBatch, Trade
from contracts.scalars import MILLISECOND_NS
from services.bench.result import BenchResult, Case
from services.kit.broker import EmbeddedBroker
from streams.bus import Bus
from streams.bus.specs import MARKET

ROWS = 64
TICKS = ROWS * 1_000
WINDOW = 256
BATCH_MAX = 1_024
VENUE, SYMBOL = "SIM", "SYNTH"
SUBJECT = subjects.trade(VENUE, SYMBOL)

Decode = Callable[[bytes], int]
"""A payload in, the number of its ticks out."""


class Timed(NamedTuple):
    """One pass of all ticks through the broker."""

    seconds: float
    cpu_seconds: float


class Work(NamedTuple):
    """One way to move the ticks: how each message is made, and how it is read."""

    sources: Sequence[Struct]
    decode: Decode


def batch_64(runs: int) -> BenchResult:
    """Batches of 64 ticks against the same ticks as single messages."""
    batches = tick_batches()
    trades = [trade for batch in batches for trade in columns.ticks(batch)]
    ours, single = Work(batches, decode_batch), Work(trades, decode_trade)
    with (
        tempfile.TemporaryDirectory(prefix="penstock-bench-") as directory,
        EmbeddedBroker(Path(directory) / "bench") as broker,
    ):
        return asyncio.run(_measure(broker, ours, single, runs))


def tick_batches() -> list[TickBatch]:
    """The ticks: a seeded walk of prices, a millisecond apart."""
    random = np.random.default_rng(1)
    all_columns = {
        "ts_event_ns": np.arange(1, TICKS + 1, dtype=np.int64) * MILLISECOND_NS,
        "price": 100.0 + 0.01 * np.cumsum(random.integers(-1, 2, TICKS)),
        "size": random.integers(1, 100, TICKS).astype(np.float64),
        "aggressor": random.integers(-1, 2, TICKS).astype(np.int8),
    }
    return [
        TickBatch(
            source="bench",
            venue=VENUE,
            symbol=SYMBOL,
            kind="trade",
            first_seq=start + 1,
            count=ROWS,
            ts_recv_ns=0,
            columns=columns.pack(
                TRADE_COLUMNS, {name: column[start : start + ROWS] for name, column in all_columns.items()}
            ),
        )
        for start in range(0, TICKS, ROWS)
    ]


def decode_batch(payload: bytes) -> int:
    batch = codec.decode(TickBatch, payload)
    return len(columns.tick_columns(batch)["price"])


def decode_trade(payload: bytes) -> int:
    codec.decode(Trade, payload)
    return 1


async def _measure(broker: EmbeddedBroker, ours: Work, single: Work, runs: int) -> BenchResult:
    async with (
        Bus.connect(broker.settings_of("feed")) as feed,
        Bus.connect(broker.settings_of("features")) as features,
    ):
        await _assert_equal_output(feed, features, ours, single)
        timed: list[Timed] = []
        reference: list[Timed] = []
        for _ in range(runs):
            timed.append(await _pass(feed, features, ours))
            reference.append(await _pass(feed, features, single))
    value = TICKS / statistics.median(run.seconds for run in timed)
    reference_value = TICKS / statistics.median(run.seconds for run in reference)
    return BenchResult(
        bench="bus",
        case="batch-64",
        value=value,
        unit="ticks/s",
        reference="the same ticks as single messages",
        reference_value=reference_value,
        ratio=value / reference_value,
        runs=runs,
        detail={
            "ticks": float(TICKS),
            "cpu_us_per_tick": _cpu_us_per_tick(timed),
            "reference_cpu_us_per_tick": _cpu_us_per_tick(reference),
        },
    )


async def _assert_equal_output(feed: Bus, features: Bus, ours: Work, single: Work) -> None:
    """Both ways deliver the same ticks; this also warms everything up."""
    batches = [codec.decode(TickBatch, payload) for payload in await _moved(feed, features, ours)]
    trades = [codec.decode(Trade, payload) for payload in await _moved(feed, features, single)]
    if [trade for batch in batches for trade in columns.ticks(batch)] != trades or len(trades) != TICKS:
        raise AssertionError("batches and single messages did not deliver the same ticks")


async def _moved(feed: Bus, features: Bus, work: Work) -> list[bytes]:
    payloads: list[bytes] = []

    def keep(payload: bytes) -> int:
        payloads.append(payload)
        return work.decode(payload)

    await _pass(feed, features, Work(work.sources, keep))
    return payloads


async def _pass(feed: Bus, features: Bus, work: Work) -> Timed:
    start_seq = (await feed.stream_state(MARKET)).last_seq + 1
    reading = asyncio.create_task(_read(features, start_seq, work))
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    window = feed.window(MARKET, size=WINDOW)
    for source in work.sources:
        await window.publish(SUBJECT, codec.encode(source))
    await window.close_window()
    await reading
    return Timed(time.perf_counter() - started_s, time.process_time() - started_cpu_s)


async def _read(features: Bus, start_seq: int, work: Work) -> None:
    last_seq = start_seq + len(work.sources) - 1
    ticks = 0
    async for batch in features.read(MARKET, start_seq=start_seq, batch_max=BATCH_MAX, stop_after=last_seq):
        for message in batch:
            ticks += work.decode(message.payload)
    if ticks != TICKS:
        raise AssertionError(f"{ticks} ticks came, expected {TICKS}")


def _cpu_us_per_tick(timed: Sequence[Timed]) -> float:
    return statistics.median(run.cpu_seconds for run in timed) / TICKS * 1e6


CASES: dict[str, Case] = {"batch-64": batch_64}
