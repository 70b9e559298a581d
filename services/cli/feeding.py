"""What ``penstock feed`` does: plays into the running stack, and says how far it is."""

import asyncio
import signal

import click
import msgspec

from ops.telemetry.logs import open_log
from services.cli.buses import open_bus
from services.cli.lines import event_time
from services.feed.service import Played, play
from services.feed.settings import FeedSettings
from services.kit.layout import Home
from services.kit.live import Live
from services.kit.process import Health

TOLD_EVERY_S = 5.0


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
    try:
        async with open_bus(stack, "feed") as bus:
            return await play(bus, settings, stack.run_id, stopping=stopping, health=health, log=log)
    finally:
        if telling:
            telling.cancel()


async def _tell(health: Health) -> None:
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        trouble = f"  NOT CONFIRMED: {health.cause}" if health.cause else ""
        click.echo(f"{event_time(health.ts_event_ns)} UTC  {health.position:,} messages{trouble}")
