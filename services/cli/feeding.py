"""What ``penstock feed`` does: plays into the running stack, and says how far it is."""

import asyncio
import signal
from typing import Any

import click
import msgspec

from ops.telemetry.logs import open_log
from services.cli.buses import open_bus
from services.cli.lines import event_time
from services.cli.trouble import Trouble
from services.feed.service import Played, play
from services.feed.settings import FeedSettings
from services.kit import live
from services.kit.layout import Home
from services.kit.live import Live
from services.kit.process import Health

TOLD_EVERY_S = 5.0
LOOK_EVERY_S = 0.5
CANCEL_EVERY_S = 0.1


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
        playing = asyncio.create_task(play(bus, settings, stopping=stopping, health=health, log=log))
        gone = asyncio.create_task(_until_gone(home, stack))
        try:
            await asyncio.wait({playing, gone}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                return playing.result()
        finally:
            for task in (gone, telling, playing):
                await _end(task)
    raise Trouble(f"the stack of run {stack.run_id} is gone; what it did not confirm is lost")


async def _end(task: asyncio.Task[Any] | None) -> None:  # Any: its result is not looked at
    """Cancel until it has ended: nats-py swallows a cancellation that meets it while it flushes."""
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_EVERY_S)
    if task is not None and not task.cancelled():
        task.exception()  # looked at, or asyncio would complain that nobody did


async def _until_gone(home: Home, stack: Live) -> None:
    """A feed waits for a broker that is away for a moment, but not for one that has been stopped."""
    while live.running(home) == stack:
        await asyncio.sleep(LOOK_EVERY_S)


async def _tell(health: Health) -> None:
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        trouble = f"  NOT CONFIRMED: {health.cause}" if health.cause else ""
        click.echo(f"{event_time(health.ts_event_ns)} UTC  {health.position:,} messages{trouble}")
