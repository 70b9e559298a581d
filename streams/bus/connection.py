"""The bus as a service sees it: publish, read, consume, ask."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from contracts import codec, identity, subjects
from contracts.operations import DeadLetter
from streams.bus import api
from streams.bus.consumer import consume
from streams.bus.counters import BusCounters
from streams.bus.errors import ApiFailed, Conflict, Denied, NotAcked, StreamMissing, Unreachable
from streams.bus.link import BusSettings, Link, Raw
from streams.bus.messages import MSG_ID_HEADER, Message, PubAck, StreamState
from streams.bus.reader import API_TIMEOUT_S, Reader, stream_state
from streams.bus.window import PublishWindow

DEAD_STREAM = "DEAD"
ACK_TIMEOUT_S = 1.0
ATTEMPTS = 3
RETRY_S = 0.05

_EXPECTED_STREAM = "Nats-Expected-Stream"
_EXPECTED_SUBJECT_SEQ = "Nats-Expected-Last-Subject-Sequence"


class Bus:
    """One principal's connection to the broker. Made by ``open`` or ``connect``.

    Attributes:
        counters: What went wrong so far.
    """

    def __init__(self, link: Link) -> None:
        self.counters: BusCounters = link.counters
        self._link = link
        self._windows: dict[str, PublishWindow] = {}

    @classmethod
    async def open(cls, settings: BusSettings) -> "Bus":
        """Connect; the caller closes. Raises ``Unreachable``, also when the key is not known."""
        link = Link(settings)
        await link.open()
        return cls(link)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: BusSettings) -> AsyncIterator["Bus"]:
        """Connect for the length of a block. Raises ``Unreachable``."""
        bus = await cls.open(settings)
        try:
            yield bus
        finally:
            await bus.close()

    async def close(self) -> None:
        await self._link.close()

    @property
    def name(self) -> str:
        """The principal."""
        return self._link.settings.name

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    async def publish(self, subject: str, payload: bytes, *, headers: dict[str, str] | None = None) -> None:
        """Core publish: nobody confirms it. A forbidden one is dropped and counted, later.

        Raises:
            Unreachable: the broker is away and the buffer is full, or the bus is closed.
        """
        await self._link.publish(subject, payload, headers=headers)

    async def flush(self) -> None:
        """Wait until the broker has taken what was published; not that a stream has stored it."""
        await self._link.flush()

    async def publish_acked(
        self,
        subject: str,
        payload: bytes,
        *,
        msg_id: str,
        stream: str,
        expected_last_subject_seq: int | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = ACK_TIMEOUT_S,
        attempts: int = ATTEMPTS,
    ) -> PubAck:
        """Publish once, however often it takes: each attempt carries the same ``msg_id``.

        Args:
            expected_last_subject_seq: The fence. The sequence of the last message on ``subject``,
                0 for none.

        Raises:
            Conflict: the last message on ``subject`` is another, and not this very one.
            NotAcked: no confirmation, or the stream refused.
        """
        all_headers = {**(headers or {}), MSG_ID_HEADER: msg_id, _EXPECTED_STREAM: stream}
        if expected_last_subject_seq is not None:
            all_headers[_EXPECTED_SUBJECT_SEQ] = str(expected_last_subject_seq)
        try:
            return await self._store_one(
                stream, subject, payload, all_headers, timeout_s=timeout_s, attempts=attempts
            )
        except ApiFailed as error:
            if error.err_code != api.WRONG_LAST_SEQUENCE:
                raise NotAcked(stream, subject, 1, error.description) from error
            found = int(error.description.rpartition(" ")[2])
            return await self._own_or_conflict(stream, subject, msg_id, found, expected_last_subject_seq or 0)

    def window(self, stream: str, *, size: int = 64) -> PublishWindow:
        """The window of this connection into ``stream``; the same one at every call."""
        window = self._windows.get(stream)
        if window is None:
            window = self._windows[stream] = PublishWindow(self._link, self._store_one, stream, size=size)
        if window.size != size:
            raise ValueError(f"the window into {stream} has size {window.size}, asked for {size}")
        return window

    def read(
        self,
        stream: str,
        *,
        start_seq: int = 1,
        subjects: Sequence[str] = (),
        batch_max: int = 64,
        stop_after: int | None = None,
    ) -> AsyncGenerator[list[Message], None]:
        """Messages in stream order from ``start_seq``, then new ones as they come.

        Nothing is acknowledged: the caller keeps its position. The read survives restarts of the
        broker and goes on at the next needed sequence. Messages that the stream has discarded are
        counted in ``counters.gaps`` and logged; with ``subjects``, all discarded positions count.

        Args:
            subjects: Only these, wildcards allowed; none means all.
            stop_after: End behind this stream sequence, once the stream has reached it.

        Raises:
            StreamMissing, Denied
        """
        reader = Reader(
            self._link,
            stream,
            start_seq=start_seq,
            subjects=subjects,
            batch_max=batch_max,
            stop_after=stop_after,
        )
        return reader.batches()

    def consume(
        self, stream: str, durable: str, *, batch_max: int = 64, pin_group: str = ""
    ) -> AsyncGenerator[list[Message], None]:
        """Messages of a provisioned durable consumer; acknowledge each with ``message.ack()``.

        What is not acknowledged within the consumer's time comes again, with ``deliveries``
        counted up: the caller gives a message up as a dead letter after a maximum of its own. A
        caller that consumes again later leaves with ``contextlib.aclosing``: until the old
        generator is closed, messages still come to it.

        Args:
            pin_group: The consumer's priority group: of all that consume with it, one is served.

        Raises:
            ConsumerMissing
        """
        return consume(self._link, stream, durable, batch_max=batch_max, group=pin_group)

    async def subscribe(self, subject: str, callback: Callable[[Message], None]) -> None:
        """Core subscription until the bus closes. The callback runs in the event loop: only enqueue."""

        def deliver(raw: Raw) -> None:
            callback(Message(raw.subject, raw.data, raw.headers))

        await self._link.subscribe(subject, deliver)

    async def request(self, subject: str, payload: bytes, *, timeout_s: float = 1.0) -> bytes:
        """Raises ``Unreachable`` or ``Denied``."""
        return bytes((await self._link.request(subject, payload, timeout_s)).data)

    async def last_message(self, stream: str, subject: str) -> Message | None:
        """The newest message on ``subject``, wildcards allowed. Raises ``StreamMissing``, ``Unreachable``."""
        return await self._stored(stream, {"last_by_subj": subject})

    async def _stored(self, stream: str, which: dict[str, Any]) -> Message | None:
        where = api.message_get(stream)
        raw = await self._link.request(where, api.encode(which), API_TIMEOUT_S)
        try:
            stored = api.answer(where, raw.data)["message"]
        except ApiFailed as error:
            if error.err_code == api.MESSAGE_NOT_FOUND:
                return None
            if error.err_code == api.STREAM_NOT_FOUND:
                raise StreamMissing(stream) from error
            raise
        return Message(
            stored["subject"],
            base64.b64decode(stored.get("data", "")),
            _stored_headers(stored.get("hdrs", "")),
            stream=stream,
            stream_seq=stored["seq"],
            ts_store_ns=_nanos(stored["time"]),
        )

    async def stream_state(self, stream: str) -> StreamState:
        """Raises ``StreamMissing``, ``Unreachable`` or ``Denied``."""
        return await stream_state(self._link, stream)

    async def dead(self, letter: DeadLetter) -> None:
        """Keep what could not be used, once for each place that it came from. Raises ``NotAcked``."""
        payload = codec.encode(letter)
        place = f"{letter.stream}.{letter.stream_seq}" if letter.stream_seq else self._link.unique_name()
        msg_id = f"{letter.origin}.{place}.{identity.digest(payload)}"
        await self.publish_acked(subjects.dead(letter.origin), payload, msg_id=msg_id, stream=DEAD_STREAM)

    async def api(self, subject: str, request: dict[str, Any]) -> dict[str, Any]:
        """JetStream's own API, for provisioning. Raises ``ApiFailed``, ``Unreachable`` or ``Denied``."""
        raw = await self._link.request(subject, api.encode(request), API_TIMEOUT_S)
        return api.answer(subject, raw.data)

    async def _store_one(
        self,
        stream: str,
        subject: str,
        payload: bytes,
        headers: dict[str, str],
        *,
        timeout_s: float = ACK_TIMEOUT_S,
        attempts: int = ATTEMPTS,
    ) -> PubAck:
        cause = ""
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(RETRY_S)
            try:
                raw = await self._link.request(subject, payload, timeout_s, headers)
                body = api.answer(subject, raw.data)
                is_duplicate = body.get("duplicate", False)
                return PubAck(stream=body["stream"], seq=body["seq"], is_duplicate=is_duplicate)
            except Denied as error:
                raise NotAcked(stream, subject, attempt + 1, str(error)) from error
            except Unreachable as error:
                cause = error.cause
            except (msgspec.DecodeError, KeyError) as error:
                raise NotAcked(stream, subject, attempt + 1, "the answer is no acknowledgement") from error
            except ApiFailed as error:
                if error.code < 500:
                    raise
                cause = error.description
        raise NotAcked(stream, subject, attempts, cause)

    async def _own_or_conflict(
        self, stream: str, subject: str, msg_id: str, found: int, expected: int
    ) -> PubAck:
        """JetStream looks at the fence before the id, so an earlier attempt of ours looks like a rival's.

        Ours, stored at its first attempt, is the first message behind the fence; of a group that was
        sent at once, others of ours may have come behind it. One sent again by a later life, which
        knows no fence, may still be the newest.
        """
        behind_fence = {"seq": expected + 1, "next_by_subj": subject}
        for which in (behind_fence, {"last_by_subj": subject}):
            stored = await self._stored(stream, which)
            if stored is not None and stored.headers.get(MSG_ID_HEADER) == msg_id:
                return PubAck(stream=stream, seq=stored.stream_seq, is_duplicate=True)
        raise Conflict(subject, found, expected)


def _stored_headers(encoded: str) -> dict[str, str]:
    """The header block that ``STREAM.MSG.GET`` returns: a version line, then a name and a value a line."""
    lines = base64.b64decode(encoded).decode("utf-8", "replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _nanos(rfc3339: str) -> int:
    """``2026-01-02T03:04:05.123456789Z`` as Unix nanoseconds; ``datetime`` knows only six digits."""
    whole, _, fraction = rfc3339.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)
