"""The outlet: publishes at once, and has what was published confirmed soon after."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from structlog.typing import FilteringBoundLogger

from contracts.operations import DeadLetter
from services.kit.process import Health
from streams.bus import Bus, BusError
from streams.bus.specs import BARS, FEATURES

PROVE_S = 0.05
"""The longest that a published message waits for its confirmation, however few there are."""


class Outlet:
    """The way into the streams of features and bars.

    A message leaves with the next turn of the loop; its window is confirmed when it is full, or after
    ``PROVE_S``. What the broker does not confirm is sent again until it does, and nothing is published
    after it; meanwhile the service says that it is not ok.
    """

    def __init__(self, bus: Bus, health: Health, log: FilteringBoundLogger) -> None:
        self._windows = {stream: bus.window(stream) for stream in (FEATURES, BARS)}
        self._bus, self._health, self._log = bus, health, log
        self._lock = asyncio.Lock()  # a window is not for two tasks at once

    async def publish(self, stream: str, subject: str, payload: bytes) -> None:
        window = self._windows[stream]
        async with self._lock:
            try:
                await window.publish(subject, payload)
            except BusError as error:
                self._trouble(error)
                await self._insist(window.close_window)

    async def bury(self, letter: DeadLetter) -> None:
        """Keep what could not be used."""
        async with self._lock:
            await self._insist(partial(self._bus.dead, letter))

    async def prove(self) -> None:
        """Have everything so far confirmed."""
        async with self._lock:
            for window in self._windows.values():
                await self._insist(window.close_window)

    async def prove_for_ever(self) -> None:
        """Confirm the last of a burst, which fills no window."""
        while True:
            await asyncio.sleep(PROVE_S)
            if any(window.unproved for window in self._windows.values()):
                await self.prove()

    async def _insist(self, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await action()
            except BusError as error:
                self._trouble(error)
                await asyncio.sleep(PROVE_S)
            else:
                self._health.is_ok, self._health.cause = True, ""
                return

    def _trouble(self, error: BusError) -> None:
        if self._health.is_ok:
            self._log.warning("features.unconfirmed", cause=str(error))
        self._health.is_ok, self._health.cause = False, str(error)[:500]
