"""One connection of nats-py, tamed: bounded waits, our errors, counters, requests of our own.

The client reports a forbidden publish only through a callback, later; here it fails the request
that caused it at once.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import nats.errors
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from streams.bus.counters import BusCounters
from streams.bus.errors import Denied, Unreachable

Raw = Msg
"""A message as the client has it; seen only inside this package."""

PENDING_BYTES_MAX = 64 * 1024 * 1024
"""Published bytes that wait for the socket, or for the broker to come back, at the most."""

RECONNECT_WAIT_S = 0.05
PING_INTERVAL_S = 5

_VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"', re.IGNORECASE)


class BusSettings(Struct, frozen=True, kw_only=True):
    """Where the broker is, and who we are.

    Attributes:
        name: The principal; its inbox is ``_INBOX.<name>``.
        seed: Its nkey seed. A secret: left out of ``repr``.
    """

    url: str
    name: str
    seed: str = ""
    connect_timeout_s: float = 5.0

    def __repr__(self) -> str:
        return f"BusSettings(url={self.url!r}, name={self.name!r}, seed={'***' if self.seed else ''!r})"


class Link:
    """An open connection, or one that is trying to come back.

    Attributes:
        generation: How often the connection was made; a pull request of an older one is lost.
    """

    def __init__(self, settings: BusSettings) -> None:
        self.settings = settings
        self.counters = BusCounters()
        self.generation = 0
        self._is_closed = False
        self._client = Client()
        self._connected = asyncio.Event()
        self._refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting: dict[str, tuple[str, asyncio.Future[Raw]]] = {}
        self._inbox = ""
        self._requests_made = 0
        self._subscriptions: set[Subscription] = set()
        self._on_change: list[Callable[[], None]] = []

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected)

    async def open(self) -> None:
        """Connect and subscribe the inbox for answers. Raises ``Unreachable``."""
        try:
            await self._first_connect()
        except BaseException:
            await self._client.close()
            raise
        self.generation = 1
        self._connected.set()
        self._inbox = self._client.new_inbox()
        await self.subscribe(f"{self._inbox}.*", self._answered)

    async def close(self) -> None:
        """End the connection, and the waits for it. What was published and not sent is lost."""
        self._is_closed = True
        self._abandon("this connection is closed")
        for subscription in list(self._subscriptions):
            await self.unsubscribe(subscription)
        try:
            await self._client.close()
        except OSError as error:  # the client flushes into a connection that is gone already
            self.counters.last_error = str(error)
        self._connected.set()
        self._changed()

    def unique_name(self) -> str:
        """A token that no other connection makes."""
        return self._client.new_inbox().rsplit(".", 1)[-1]

    def new_inbox(self) -> str:
        return self._client.new_inbox()

    async def wait_connected(self) -> None:
        """Wait as long as it takes. Raises ``Unreachable`` once we have closed the connection."""
        await self._connected.wait()
        if self._is_closed:
            raise Unreachable(self.settings.url, "", "this connection is closed")

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back at every disconnect and reconnect; returns what ends it."""
        self._on_change.append(callback)
        return lambda: self._on_change.remove(callback)

    async def publish(
        self, subject: str, payload: bytes, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Core publish: buffered while the connection is away. Raises ``Unreachable``."""
        try:
            await self._client.publish(subject, payload, reply=reply, headers=headers)
        except nats.errors.Error as error:
            raise Unreachable(self.settings.url, subject, type(error).__name__) from error

    async def flush(self) -> None:
        """Wait until the broker has taken what was published. Raises ``Unreachable``."""
        # The client's own flush writes its ping before what still waits for the socket.
        while self._client.pending_data_size and self._client.is_connected:  # it has no event
            await asyncio.sleep(0)
        try:
            await self._client.flush()
        except (nats.errors.Error, TimeoutError) as error:
            raise Unreachable(self.settings.url, "", type(error).__name__) from error

    async def request(
        self, subject: str, payload: bytes, timeout_s: float, headers: dict[str, str] | None = None
    ) -> Raw:
        """The answer to one request.

        Raises:
            Unreachable: nobody listens on ``subject``, or nobody answered in time.
            Denied: this principal may not publish there.
        """
        self._requests_made += 1
        token = str(self._requests_made)
        answer: asyncio.Future[Raw] = asyncio.get_running_loop().create_future()
        self._waiting[token] = (subject.lower(), answer)
        try:
            await self.publish(subject, payload, f"{self._inbox}.{token}", headers)
            async with asyncio.timeout(timeout_s):
                raw = await answer
        except TimeoutError as error:
            raise Unreachable(self.settings.url, subject, f"nothing came in {timeout_s:g} s") from error
        finally:
            del self._waiting[token]
        if raw.headers is not None and raw.headers.get("Status") == "503":
            raise Unreachable(self.settings.url, subject, "nobody listens there")
        return raw

    async def subscribe(
        self, subject: str, callback: Callable[[Raw], None], *, is_bounded: bool = True
    ) -> Subscription:
        """Core subscription. ``is_bounded`` false only where the caller bounds what it asks for."""

        async def deliver(raw: Raw) -> None:
            callback(raw)

        limit = () if is_bounded else (-1, -1)
        subscription = await self._client.subscribe(subject, "", deliver, None, 0, *limit)
        self._subscriptions.add(subscription)
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; harmless on a closed connection."""
        self._subscriptions.discard(subscription)
        try:
            await subscription.unsubscribe()
        except (nats.errors.Error, OSError):
            return

    async def _first_connect(self) -> None:
        options: dict[str, Any] = {}  # the client's own keyword arguments
        if self.settings.seed:
            options["nkeys_seed_str"] = self.settings.seed
        connecting: asyncio.Task[None] = asyncio.create_task(
            self._client.connect(
                self.settings.url,
                name=self.settings.name,
                inbox_prefix=f"_INBOX.{self.settings.name}",
                reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # seconds; fractions work
                max_reconnect_attempts=-1,
                ping_interval=PING_INTERVAL_S,
                pending_size=PENDING_BYTES_MAX,
                error_cb=self._errored,
                disconnected_cb=self._disconnected,
                reconnected_cb=self._reconnected,
                **options,
            )
        )
        try:
            await asyncio.wait(
                (connecting, self._refused),
                timeout=self.settings.connect_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if connecting.done():
                await connecting
                return
        except (OSError, nats.errors.Error) as error:
            raise Unreachable(self.settings.url, "", str(error) or type(error).__name__) from error
        finally:
            connecting.cancel()
        cause = self._refused.result() if self._refused.done() else self.counters.last_error
        raise Unreachable(self.settings.url, "", cause or "the connection was not made in time")

    def _answered(self, raw: Raw) -> None:
        _, answer = self._waiting.get(raw.subject.rsplit(".", 1)[-1], ("", None))
        if answer is not None and not answer.done():
            answer.set_result(raw)

    async def _errored(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        violation = _VIOLATION.search(text)
        if violation is not None:
            self.counters.permission_violations += 1
            self.counters.last_violation = text
            self._deny(violation[1].lower(), violation[2])
        elif isinstance(error, nats.errors.SlowConsumerError):
            self.counters.slow_consumers += 1
        else:
            self.counters.errors += 1
            self.counters.last_error = text
            if isinstance(error, nats.errors.AuthorizationError) or "authorization" in text.lower():
                self._refuse(f"it does not know the key of {self.settings.name}")

    def _deny(self, action: str, subject: str) -> None:
        for wanted, answer in self._waiting.values():
            if action == "publish" and wanted == subject.lower() and not answer.done():
                answer.set_exception(Denied(self.settings.name, action, subject))

    def _abandon(self, cause: str) -> None:
        """Answers to an earlier connection's requests will not come: nobody waits out the time."""
        for subject, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Unreachable(self.settings.url, subject, cause))

    def _refuse(self, cause: str) -> None:
        if not self._refused.done():
            self._refused.set_result(cause)

    async def _disconnected(self) -> None:
        if self.generation:
            self.counters.disconnects += 1
        self._connected.clear()
        self._abandon("the connection was lost")
        self._changed()

    async def _reconnected(self) -> None:
        self.counters.reconnects += 1
        self.generation += 1
        self._connected.set()
        self._changed()

    def _changed(self) -> None:
        for callback in list(self._on_change):
            callback()
