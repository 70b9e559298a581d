"""Latency, case ``rule``: from a flushed batch of ticks to the verdict on what a rule made of it.

Real E-mini trades at 20,000 ticks a second with a linger of 1 ms, through the shipped feature,
strategy and gate processes. The event time runs some hundred times faster than the wall, so the
limits' ages are wide here. The reference is the same path of streams, with bare relays in place of
the services.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from contracts import codec, subjects
from contracts.columns import Columns, pack
from contracts.market import COLUMNS_OF_KIND, Clock, TickBatch
from contracts.verdicts import Verdict
from services.bench.quantiles import quantiles_ms
from services.bench.result import BenchResult, Case
from services.bench.rig import SETTLE_S, beside, measure, vouch_for_the_audit
from services.cli.buses import open_bus
from services.cli.stack import Stack
from streams.bus import Bus, Message
from streams.sources.dataset import packaged_es

TICKS_PER_S = 20_000
LINGER_S = 0.001
TICKS = 100_000
FROM_NS = 1_378_220_400_000_000_000
"""2013-09-03 10:00 in Chicago: busy, with the busiest twenty minutes ahead."""

VENUE, SYMBOL, SOURCE = "CME", "ES", "bench"
MARK_EVERY = 20
"""Of the reference's messages, one in so many goes all the way: 50 a second."""

PAYLOAD_BYTES = 512


def rule(runs: int) -> BenchResult:
    """The services' latency beside that of bare relays."""
    ours, bare = [], []
    for _ in range(runs):
        ours += measure(("gate", "features", "predict"), _chain)
        bare += measure((), _relays)
    value, floor = quantiles_ms(ours), quantiles_ms(bare)
    return BenchResult(
        bench="latency",
        case="rule",
        value=value["p50"],
        unit="ms",
        reference="the same streams with bare relays",
        reference_value=floor["p50"],
        ratio=floor["p50"] / value["p50"],
        runs=runs,
        detail=value
        | {f"bare_{name}": figure for name, figure in floor.items()}
        | {"verdicts": len(ours), "ticks_per_s": TICKS_PER_S},
    )


async def _chain(stack: Stack) -> list[float]:
    live = stack.ground.live
    taken_s: list[float] = []

    def take(message: Message) -> None:
        verdict = codec.decode(Verdict, message.payload)
        taken_s.append((time.time_ns() - verdict.basis_recv_ns) / 1e9)

    async with (
        open_bus(live, "feed") as feed,
        open_bus(live, "recorder") as recorder,
        beside(vouch_for_the_audit(recorder, stack.ground.run.run_id)),
    ):
        await stack.viewer.subscribe(subjects.ALL_VERDICTS, take)
        await asyncio.sleep(SETTLE_S)
        await _play(feed, _trades())
        await asyncio.sleep(SETTLE_S)
    return taken_s


def _trades() -> Columns:
    """The real trades, ``TICKS`` of them."""
    parts = []
    for ticks in packaged_es(FROM_NS).batches():
        parts.append(ticks.columns)
        if sum(len(part["price"]) for part in parts) >= TICKS:
            break
    return {name: np.concatenate([part[name] for part in parts])[:TICKS] for name in parts[0]}


async def _play(feed: Bus, trades: Columns) -> None:
    """Flush what is due every ``LINGER_S``, as a feed with that linger does."""
    window = feed.window("MARKET", size=64)
    begin_s, sent = time.perf_counter(), 0
    while sent < TICKS:
        due = min(TICKS, int((time.perf_counter() - begin_s) * TICKS_PER_S))
        if due > sent:
            batch = _batch(trades, sent, min(due, sent + 4_000))
            await window.publish(subjects.trade(VENUE, SYMBOL), codec.encode(batch))
            sent += batch.count
            now_ns = int(trades["ts_event_ns"][sent - 1])
            clock = Clock(source=SOURCE, ts_event_ns=now_ns, ts_recv_ns=0)
            await window.publish(subjects.CLOCK, codec.encode(clock))
        await asyncio.sleep(LINGER_S)
    await window.close_window()


def _batch(trades: Columns, start: int, end: int) -> TickBatch:
    rows = {name: column[start:end] for name, column in trades.items()}
    return TickBatch(
        source=SOURCE,
        venue=VENUE,
        symbol=SYMBOL,
        kind="trade",
        first_seq=start + 1,
        count=end - start,
        ts_recv_ns=time.time_ns(),
        columns=pack(COLUMNS_OF_KIND["trade"], rows),
    )


async def _relays(stack: Stack) -> list[float]:
    live = stack.ground.live
    taken_s: list[float] = []

    def take(message: Message) -> None:
        taken_s.append((time.time_ns() - int(message.payload[1:32])) / 1e9)

    async with open_bus(live, "feed") as feed, _hops(stack):
        await stack.viewer.subscribe(subjects.ALL_VERDICTS, take)
        await asyncio.sleep(SETTLE_S)
        window = feed.window("MARKET", size=64)
        begin_s = time.perf_counter()
        for index in range(int(TICKS / TICKS_PER_S / LINGER_S)):
            await asyncio.sleep(max(0.0, begin_s + index * LINGER_S - time.perf_counter()))
            sign = b"-" if index % MARK_EVERY else b"+"
            payload = (sign + b"%031d" % time.time_ns()).ljust(PAYLOAD_BYTES)
            await window.publish(subjects.trade(VENUE, SYMBOL), payload)
        await window.close_window()
        await asyncio.sleep(SETTLE_S)
    return taken_s


@asynccontextmanager
async def _hops(stack: Stack) -> AsyncIterator[None]:
    """The three relays as processes; only these are ended."""
    processes = []
    for service in ("features", "predict", "gate"):
        launch = stack.ground.launch(service)
        command = (sys.executable, "-m", "services.bench.relay", service)
        with launch.output.open("ab") as output:
            processes.append(
                subprocess.Popen(  # noqa: ASYNC220 - starts in a millisecond, before anything is timed
                    command, env=launch.environment, cwd=launch.directory, stdout=output, stderr=output
                )
            )
    try:
        await asyncio.sleep(SETTLE_S)
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=5)


CASES: dict[str, Case] = {"rule": rule}
