"""The run loop of a service process: settings, bus, heartbeat, metrics, signals, exit code.

A service is one coroutine, ``serve(context)``; everything around it is here. On SIGTERM or
SIGINT the coroutine is cancelled, unless it drains: then it is told by ``context.stopping`` and
given ``DRAIN_S`` to return.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from contracts import codec, subjects
from contracts.operations import Heartbeat
from ops.telemetry.logs import open_log
from ops.telemetry.metrics import Metrics
from services.kit.guard import refuse_foreign_packages
from services.kit.layout import Run
from services.kit.restarts import MUST_NOT_RETURN
from services.kit.settings import ServiceSettings, SettingInvalid, from_environment
from streams.bus import Bus, BusError, BusSettings

HEARTBEAT_S = 0.25
DRAIN_S = 2.5
CANCEL_AGAIN_S = 0.2
COUNTED_BUS_EVENTS = ("permission_violations", "reconnects", "gaps", "slow_consumers", "redeliveries")


class MustNotReturn(RuntimeError):
    """A service fails in a way that a restart cannot mend and may make worse.

    Raised by ``serve``, such as for a gate that another one has fenced out, or whose own state
    contradicts itself. The message is the one line that a person is told.
    """


class Health(Struct):
    """What the heartbeat says. The service writes it, the kit sends it."""

    is_ready: bool = False
    is_ok: bool = True
    cause: str = ""
    ts_event_ns: int = 0
    position: int = 0


class Context(Struct, frozen=True):
    """What a service is given."""

    settings: ServiceSettings
    run: Run
    bus: Bus
    log: FilteringBoundLogger
    metrics: Metrics
    health: Health
    stopping: asyncio.Event


Serve = Callable[[Context], Awaitable[None]]


def run_service(name: str, serve: Serve, *, drains: bool = False) -> None:
    """Run the service until it ends or is stopped, and exit the process with its status.

    0: ended or stopped. 1: failed, with the cause in its log and one line on standard error.
    2: a setting is wrong. 3: failed, and must not be started again (``MustNotReturn``).
    """
    refuse_foreign_packages()
    try:
        settings = from_environment(name, os.environ)
    except SettingInvalid as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(2)
    run = Run(settings.run_dir)
    run.logs.mkdir(parents=True, exist_ok=True)
    log = open_log(name, settings.run_id, run.logs, settings.log_level)
    try:
        asyncio.run(_run(settings, run, log, serve, drains=drains))
    except Exception as error:
        failure = failure_in(error)
        log.exception("service.failed", cause=str(failure))
        sys.stderr.write(f"{name}: {type(failure).__name__}: {failure}\n")
        sys.exit(MUST_NOT_RETURN if isinstance(failure, MustNotReturn) else 1)
    log.info("service.stopped")


def failure_in(error: BaseException) -> BaseException:
    """What failed inside the groups that tasks are wrapped in: one that must not return, else the first."""
    failures = list(_leaves(error))
    return next((each for each in failures if isinstance(each, MustNotReturn)), failures[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


async def _run(
    settings: ServiceSettings, run: Run, log: FilteringBoundLogger, serve: Serve, *, drains: bool
) -> None:
    metrics = Metrics(settings.service)
    if settings.metrics_port:
        metrics.serve(settings.metrics_port)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    bus = await Bus.open(BusSettings(url=settings.nats_url, name=settings.service, seed=settings.seed()))
    context = Context(settings, run, bus, log, metrics, Health(), stopping)
    log.info("service.started", pid=os.getpid(), metrics_port=settings.metrics_port)
    beat = asyncio.create_task(_beat(context))
    work = asyncio.ensure_future(serve(context))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if drains and not work.done():
            await asyncio.wait({work}, timeout=DRAIN_S)
        await _end(work)
    finally:
        for task in (beat, stop):
            task.cancel()
        context.health.is_ready = False
        with contextlib.suppress(BusError):
            await _send_beat(context)
            await bus.close()


async def _end(work: "asyncio.Future[None]") -> None:
    """Cancel until it ends: a library may swallow one cancellation while the broker is away."""
    while not work.done():
        work.cancel()
        await asyncio.wait({work}, timeout=CANCEL_AGAIN_S)
    if not work.cancelled():
        work.result()


async def _beat(context: Context) -> None:
    counted = dict.fromkeys(COUNTED_BUS_EVENTS, 0)
    is_settled = False
    while True:
        if context.health.is_ready and not is_settled:
            # What was imported and compiled stays: without this each full collection walks all of it, for
            # tens of milliseconds in which nothing is decided.
            gc.freeze()
            is_settled = True
        try:
            await _send_beat(context)
        except BusError as error:
            context.log.warning("heartbeat.unsent", cause=str(error))
        for kind in COUNTED_BUS_EVENTS:
            now = getattr(context.bus.counters, kind)
            context.metrics.bus_events.labels(kind=kind).inc(now - counted[kind])
            counted[kind] = now
        context.metrics.is_ready.set(context.health.is_ready)
        context.metrics.is_ok.set(context.health.is_ok)
        await asyncio.sleep(HEARTBEAT_S)


async def _send_beat(context: Context) -> None:
    health = context.health
    beat = Heartbeat(
        service=context.settings.service,
        run_id=context.settings.run_id,
        is_ready=health.is_ready,
        is_ok=health.is_ok,
        cause=health.cause[:500],
        ts_event_ns=health.ts_event_ns,
        position=health.position,
        ts_recv_ns=time.time_ns(),
    )
    await context.bus.publish(subjects.heartbeat(beat.service), codec.encode(beat))
