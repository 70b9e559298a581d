"""What ``penstock feed`` does: plays into the running stack, and says how far it is."""

import asyncio
import signal
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from ops.telemetry.logs import open_log
from services.cli.buses import open_bus
from services.cli.lines import event_time
from services.cli.program import program
from services.cli.trouble import Trouble
from services.feed.naming import market_time_ns
from services.feed.playback import prepare
from services.feed.service import Played, play
from services.feed.settings import FeedSettings
from services.kit import live
from services.kit.layout import Home
from services.kit.live import Live
from services.kit.process import Health
from streams.bus import Bus

TOLD_EVERY_S = 5.0
LOOK_EVERY_S = 0.5
CANCEL_EVERY_S = 0.1
CONFIRM_S = 2.0


def feed_live(home: Home, stack: Live, settings: FeedSettings, *, as_json: bool) -> bool:
    """Play to the end or until a signal. Returns whether it came to the end."""
    played = asyncio.run(_feed(home, stack, settings, is_quiet=as_json))
    if as_json:
        click.echo(msgspec.json.encode(played).decode())
    else:
        end = "to the end" if played.is_whole else "until it was stopped"
        refused = f"; {played.problems:,} rows refused, see `penstock watch dead`" if played.problems else ""
        click.echo(f"played {played.rows:,} ticks as {played.source} {end}{refused}")
    return played.is_whole


async def _feed(home: Home, stack: Live, settings: FeedSettings, *, is_quiet: bool) -> Played:
    stopping, health = asyncio.Event(), Health()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    log = open_log("feed", stack.run_id, home.run(stack.run_id).logs, "info")
    telling = None if is_quiet else asyncio.create_task(_tell(health))
    async with open_bus(stack, "feed") as bus:
        await _warn_of_the_past(bus, settings)
        playing = asyncio.create_task(play(bus, settings, stopping=stopping, health=health, log=log))
        gone = asyncio.create_task(_until_gone(home, stack))
        late = asyncio.create_task(_until_late(stopping))
        try:
            await asyncio.wait({playing, gone, late}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                return playing.result()
            what = "is gone" if gone.done() else "does not answer"
        finally:
            for task in (gone, late, telling, playing):
                await _end(task)
    raise Trouble(f"the stack of run {stack.run_id} {what}; what it did not confirm is lost")


async def _end(task: asyncio.Task[Any] | None) -> None:  # Any: its result is not looked at
    """Cancel until it has ended: nats-py swallows a cancellation that meets it while it flushes."""
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_EVERY_S)
    if task is not None and not task.cancelled():
        task.exception()  # looked at, or asyncio would complain that nobody did


async def _until_gone(home: Home, stack: Live) -> None:
    """A feed waits for a broker that is away for a moment, but not for one that has been stopped."""
    while (now := live.running(home)) is not None and _is_same(now, stack):
        await asyncio.sleep(LOOK_EVERY_S)


def _is_same(one: Live, other: Live) -> bool:
    """Whether both are the same stack; its broker may be another process since."""
    return (one.pid, one.run_id, one.ts_started_ns) == (other.pid, other.run_id, other.ts_started_ns)


async def _warn_of_the_past(bus: Bus, settings: FeedSettings) -> None:
    """Gate time never goes back: say before, not after, that everything will be denied as stale."""
    start_ns, now_ns = prepare(settings).pacer.start_ns, await market_time_ns(bus)
    if start_ns < now_ns:
        click.echo(
            f"penstock: these ticks begin at {_instant(start_ns)}, and the market of this run stands at "
            f"{_instant(now_ns)}: the gate will deny what rests on them as stale. "
            f"A run of their own: {program()} up --new-run",
            err=True,
        )


def _instant(ts_ns: int) -> str:
    return f"{datetime.fromtimestamp(ts_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"


async def _until_late(stopping: asyncio.Event) -> None:
    """A feed that is told to stop may wait for its last confirmation, but not for ever."""
    await stopping.wait()
    await asyncio.sleep(CONFIRM_S)


async def _tell(health: Health) -> None:
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        trouble = f"  NOT CONFIRMED: {health.cause}" if health.cause else ""
        click.echo(f"{event_time(health.ts_event_ns)} UTC  {health.position:,} messages{trouble}")
