"""One playing of the demo: up, feed, drill, down, and what the journal says of it."""

import asyncio
import time
from typing import TYPE_CHECKING

from rich.console import Console

from services.cli.demo.drill import run_drill
from services.cli.demo.feeding import feed_launch
from services.cli.demo.picture import HEARD, Picture
from services.cli.demo.scene import Scene, local_time
from services.cli.demo.show import Show, show_for
from services.cli.demo.summary import summary_lines
from services.cli.stack import Ground, Stack, StackOptions, ground_of, services_on
from services.cli.stopping import Interrupted, run_until_stopped
from services.kit.layout import Home
from services.kit.supervisor import Event

if TYPE_CHECKING:
    from streams.bus import Message

INTERRUPTED = 130
POLL_S = 0.05
QUIET_S = 1.0
SETTLE_S_MAX = 10.0
DRILL_AT = 0.5
"""Share of the playing after which the drill begins."""


def play(home: Home, scene: Scene) -> int:
    """Play the scene on a new run of ``home``. Returns the exit status."""
    console = Console()
    began_s = time.monotonic()
    status = 0

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    with ground_of(home, StackOptions(new_run=True), say) as ground:
        try:
            run_until_stopped(_play(ground, scene, console))
        except Interrupted:
            status = INTERRUPTED
            say("interrupted: everything is stopped; this is what there is")
    for line in summary_lines(home, ground.run, took_s=time.monotonic() - began_s, is_whole=not status):
        say(line)
    return status


async def _play(ground: Ground, scene: Scene, console: Console) -> None:
    picture = Picture()
    with show_for(console, scene) as show:
        for line in _opening(ground, scene):
            show.say(line)
        async with services_on(ground, lambda event: _tell(show, event)) as stack:
            await _listen(stack, picture)
            watching = asyncio.create_task(stack.supervisor.watch())
            playing = asyncio.create_task(_feed(stack, scene, picture, show))
            try:
                # A service that dies for good ends the demo at once, with its own message.
                await asyncio.wait({watching, playing}, return_when=asyncio.FIRST_COMPLETED)
                await (watching if watching.done() else playing)
            finally:
                watching.cancel()
                playing.cancel()
                await asyncio.gather(watching, playing, return_exceptions=True)
            show.say("everything has been decided; stopping the services, the recorder last")


def _opening(ground: Ground, scene: Scene) -> list[str]:
    stretch = f"{local_time(scene.from_ns)} to {local_time(scene.to_ns)}"
    return [
        f"run {ground.run.run_id} on {ground.live.nats_url}",
        f"playing real E-mini S&P 500 trades: 2013-09-03, {stretch} in Chicago",
        f"at {scene.speed:g}x, which lasts {scene.wall_s:.0f} s",
        "beside it SYNTH, a seeded synthetic instrument on the restricted list",
    ]


def _tell(show: Show, event: Event) -> None:
    if event.kind != "starting":
        show.say(f"  {event.service:<9} {event.kind} {event.text}".rstrip())


async def _listen(stack: Stack, picture: Picture) -> None:
    def take(message: "Message") -> None:
        picture.take(message.subject, message.payload, time.time_ns())

    for subject in HEARD:
        await stack.viewer.subscribe(subject, take)


async def _feed(stack: Stack, scene: Scene, picture: Picture, show: Show) -> None:
    """Play to the end, with the drill midway, and wait until all of it has been decided."""
    await stack.supervisor.start(feed_launch(stack.ground, scene))
    is_drilled = False
    while not stack.supervisor.has_ended("feed"):
        if not is_drilled and scene.progress(picture.ts_event_ns) >= DRILL_AT:
            is_drilled = True
            await _drill(stack, show)
        _draw(picture, show)
        await asyncio.sleep(POLL_S)
    if not is_drilled:
        await _drill(stack, show)
    await _settle(picture, show)


async def _drill(stack: Stack, show: Show) -> None:
    count = await run_drill(stack.ground.live, stack.ground.run)
    show.say(
        f"drill: published {count} intents that nobody can read, as principal 'drill'; its breaker must open"
    )


async def _settle(picture: Picture, show: Show) -> None:
    """Wait until nothing moves any more, for a bounded time."""
    deadline_s = time.monotonic() + SETTLE_S_MAX
    movement, since_s = picture.movement, time.monotonic()
    while time.monotonic() < min(since_s + QUIET_S, deadline_s):
        await asyncio.sleep(POLL_S)
        _draw(picture, show)
        if picture.movement != movement:
            movement, since_s = picture.movement, time.monotonic()


def _draw(picture: Picture, show: Show) -> None:
    while picture.news:
        show.say(picture.news.popleft())
    show.draw(picture)
