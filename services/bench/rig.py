"""A rig: a home of its own, a broker, and the services that a measurement needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from msgspec.structs import replace

from contracts import codec, subjects
from contracts.operations import Heartbeat
from risk.gate.limits_file import parse_limits
from services.cli.stack import Stack, StackOptions, ground_of, services_on
from services.kit.gate_config import LIMITS
from services.kit.layout import Home
from services.kit.run_files import ConfigFiles, shipped
from services.kit.supervisor import Event
from streams.bus import Bus

Found = TypeVar("Found")

BEAT_S = 0.1
AGE_MS = 60_000
SETTLE_S = 1.0
"""For the market and the recorder's word to reach the gate before anything is measured."""


def measure(services: tuple[str, ...], work: Callable[[Stack], Awaitable[Found]]) -> Found:
    """What ``work`` finds on a fresh stack of these services, which is gone afterwards.

    The limits are the shipped ones but for their amounts, which are wide enough that a steady
    stream of intents is approved, and the ages, which bear an accelerated market.
    """

    async def inside() -> Found:
        async with services_on(ground, _ignore, services=services) as stack:
            return await work(stack)

    with TemporaryDirectory(prefix="penstock-bench-") as folder:
        limits = Path(folder) / LIMITS
        limits.write_bytes(_wide_limits())
        options = StackOptions(new_run=True, config=ConfigFiles(limits=limits))
        with ground_of(Home(Path(folder)), options, _silent) as ground:
            return asyncio.run(inside())


async def vouch_for_the_audit(bus: Bus, run_id: str) -> None:
    """The recorder's heartbeat without a recorder, for ever: a gate alone would deny everything."""
    while True:
        beat = Heartbeat(
            service="recorder",
            run_id=run_id,
            is_ready=True,
            is_ok=True,
            cause="",
            ts_event_ns=0,
            position=0,
            ts_recv_ns=0,
        )
        await bus.publish(subjects.heartbeat(beat.service), codec.encode(beat))
        await asyncio.sleep(BEAT_S)


@asynccontextmanager
async def beside(*endless: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run these for the length of a block. One that fails is told at its end."""
    tasks = [asyncio.create_task(each) for each in endless]
    try:
        yield
    finally:
        failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for error in failed:
        if error is not None:
            raise error


def _wide_limits() -> bytes:
    limits = parse_limits(shipped(LIMITS), LIMITS)
    wide = {
        symbol: replace(bounds, order_notional_max=1e9, position_notional_max=1e12)
        for symbol, bounds in limits.per_symbol.items()
    }
    return codec.encode_json(
        replace(
            limits,
            per_symbol=wide,
            basis_age_ms_max=AGE_MS,
            basis_ahead_ms_max=AGE_MS,
            mark_age_ms_max=AGE_MS,
        )
    )


def _ignore(_event: Event) -> None:
    """A bench prints its figures and nothing else."""


def _silent(_line: str) -> None:
    """Likewise."""
