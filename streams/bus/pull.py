"""The pull loop: messages come to an inbox, two requests ahead of the caller.

nats-py's ``fetch`` costs an event-loop turn and a timer a message; here a message costs one
callback, and what is in flight never exceeds two batches.
"""

import asyncio
from collections import deque
from enum import StrEnum

import nats.js.api

from streams.bus import api
from streams.bus.link import Link, Raw
from streams.bus.messages import Message, parse_delivery

REQUESTS_MAX = 2
EXPIRES_S = 5.0
GROUP_EXPIRES_S = 1.0
"""Within a priority group, asking again is also the sign of life that keeps the pin."""

SILENCE_S = 8.0
"""With a request under way nothing at all came for so long: the request is lost."""


class Trouble(StrEnum):
    """Why a puller stopped."""

    NONE = ""
    RECONNECTED = "the connection was made anew"
    CONSUMER_GONE = "the consumer is gone"
    SILENT = "nothing came, not even an end of the request"


class PullFlow:
    """How many messages may still come, and how many more to ask for. Pure."""

    def __init__(self, batch_max: int) -> None:
        self.batch_max = batch_max
        self.in_flight = 0
        self.requests_max = REQUESTS_MAX

    def ask(self, waiting: int) -> int:
        """Messages to request now, with ``waiting`` that the caller has not taken; 0 for none."""
        if self.in_flight + waiting > self.batch_max * (self.requests_max - 1):
            return 0
        self.in_flight += self.batch_max
        return self.batch_max

    def came(self) -> None:
        self.in_flight = max(0, self.in_flight - 1)

    def ended(self, unused: int) -> None:
        """A request ended with this many of its messages undelivered."""
        self.in_flight = max(0, self.in_flight - unused)


class Puller:
    """Messages of one consumer over one connection; after a ``trouble`` it is of no more use.

    With a ``group``, the server pins the group to one client and gives it an id, which every
    later request shows; a client that is not pinned waits until the pinned one falls silent.
    """

    def __init__(self, link: Link, stream: str, consumer: str, *, batch_max: int, group: str = "") -> None:
        self.trouble = Trouble.NONE
        self._link, self._stream, self._consumer = link, stream, consumer
        self._flow = PullFlow(batch_max)
        self._group, self._pin = group, ""
        self._generation = link.generation
        self._queue: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._inbox = link.new_inbox()

    async def open(self) -> None:
        self._forget = self._link.on_change(self._wake.set)
        self._subscription = await self._link.subscribe(self._inbox, self._came, is_bounded=False)

    async def close(self) -> None:
        self._forget()
        await self._link.unsubscribe(self._subscription)

    async def take(self) -> list[Message]:
        """The next messages, at least one and at most a batch; none means ``trouble``."""
        while True:
            self._check()
            if not self.trouble:
                await self._ask()
            if self._queue or self.trouble:
                return self._drain()
            self._wake.clear()
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._wake.wait()
            except TimeoutError:
                self.trouble = Trouble.SILENT

    def _check(self) -> None:
        if self._link.generation != self._generation or not self._link.is_connected:
            self.trouble = Trouble.RECONNECTED

    def _drain(self) -> list[Message]:
        count = min(len(self._queue), self._flow.batch_max)
        return [self._queue.popleft() for _ in range(count)]

    async def _ask(self) -> None:
        # A second request without the pin would wait behind the one that gets it.
        self._flow.requests_max = 1 if self._group and not self._pin else REQUESTS_MAX
        while count := self._flow.ask(len(self._queue)):
            expires_s = GROUP_EXPIRES_S if self._group else EXPIRES_S
            request: dict[str, object] = {"batch": count, "expires": int(expires_s * 1e9)}
            if self._group:
                request["group"] = self._group
            if self._pin:
                request["id"] = self._pin
            subject = api.consumer_next(self._stream, self._consumer)
            await self._link.publish(subject, api.encode(request), self._inbox)

    def _came(self, raw: Raw) -> None:
        delivery = parse_delivery(raw.reply) if raw.reply else None
        if delivery is None:
            self._status(raw.headers or {})
        else:
            self._flow.came()
            if self._group and raw.headers:
                self._pin = raw.headers.get("Nats-Pin-Id", self._pin)
            self._queue.append(
                Message(
                    raw.subject,
                    raw.data,
                    raw.headers,
                    stream=delivery.stream,
                    stream_seq=delivery.stream_seq,
                    ts_store_ns=delivery.ts_store_ns,
                    deliveries=delivery.deliveries,
                    consumer_seq=delivery.consumer_seq,
                    pending=delivery.pending,
                    reply=raw.reply,
                    send=self._link.publish,
                )
            )
        self._wake.set()

    def _status(self, headers: dict[str, str]) -> None:
        status = headers.get("Status", "")
        # nats-py keys the text with an enum member, whose hash is not that of its string.
        text = headers.get(nats.js.api.Header.DESCRIPTION, "")
        if status == "503" or "Consumer Deleted" in text:
            self.trouble = Trouble.CONSUMER_GONE
            return
        if status == "423":
            self._pin = ""
        unused = headers.get("Nats-Pending-Messages")
        self._flow.ended(int(unused) if unused else self._flow.batch_max)
