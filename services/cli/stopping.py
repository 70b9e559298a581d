"""Stopping: Ctrl-C and SIGTERM end a coroutine once, however often they come."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A person, or the system, asked the command to stop."""


def run_until_stopped(work: Coroutine[object, object, T]) -> T:
    """Run ``work`` in a new loop; the first signal cancels it, and further ones change nothing.

    What ``work`` does in its ``finally`` blocks runs to its end.

    Raises:
        Interrupted: a signal ended it.
    """
    return asyncio.run(_guarded(work))


async def _guarded(work: Coroutine[object, object, T]) -> T:
    task = asyncio.ensure_future(work)
    asked = False

    def ask() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, ask)
    try:
        return await task
    except asyncio.CancelledError:
        if asked:
            raise Interrupted from None
        raise
