"""Reading a stream in order from a position, for ever or to an end, through whatever happens."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import structlog

from streams.bus import api
from streams.bus.cursor import Cursor
from streams.bus.errors import ApiFailed, StreamMissing, Unreachable
from streams.bus.link import Link
from streams.bus.messages import Message, StreamState
from streams.bus.pull import Puller

API_TIMEOUT_S = 2.0
RETRY_S_MIN, RETRY_S_MAX = 0.05, 1.0
INACTIVE_S = 30.0
"""The server forgets the consumer of a reader that asked for nothing for so long."""

DISCARD_CHECK_S = 1.0
"""How often a filtered reader looks whether the stream has discarded what it had not read."""

_log = structlog.get_logger("streams.bus")


async def stream_state(link: Link, stream: str) -> StreamState:
    """Raises ``StreamMissing``, ``Unreachable`` or ``Denied``."""
    subject = api.stream_info(stream)
    raw = await link.request(subject, b"", API_TIMEOUT_S)
    try:
        body = api.answer(subject, raw.data)
    except ApiFailed as error:
        if error.err_code == api.STREAM_NOT_FOUND:
            raise StreamMissing(stream) from error
        raise
    state = body["state"]
    return StreamState(
        name=stream,
        created=body["created"],
        first_seq=state["first_seq"],
        last_seq=state["last_seq"],
        messages=state["messages"],
        bytes=state["bytes"],
    )


class Reader:
    """One ordered read; see ``Bus.read`` for what it promises."""

    def __init__(
        self,
        link: Link,
        stream: str,
        *,
        start_seq: int,
        subjects: Sequence[str],
        batch_max: int,
        stop_after: int | None,
    ) -> None:
        self._link, self._stream, self._subjects = link, stream, tuple(subjects)
        self._batch_max, self._stop_after = batch_max, stop_after
        self._cursor = Cursor(start_seq, is_filtered=bool(subjects))
        self._is_end_stored = False
        self._checked_s = 0.0

    async def batches(self) -> AsyncGenerator[list[Message], None]:
        while not self._is_past_end():
            puller, pending = await self._attach()
            try:
                if pending == 0 and self._is_end_stored:
                    return
                async for batch in self._batches_of(puller):
                    yield batch
                    if self._is_past_end() or (self._is_end_stored and batch[-1].pending == 0):
                        return
            finally:
                await puller.close()
            if self._is_past_end():
                return
            self._link.counters.recreations += 1
            _log.info("bus.reader.recreating", stream=self._stream, next_seq=self._cursor.next_seq)

    def _is_past_end(self) -> bool:
        return self._stop_after is not None and self._cursor.next_seq > self._stop_after

    async def _batches_of(self, puller: Puller) -> AsyncGenerator[list[Message], None]:
        while not self._cursor.is_broken and (came := await puller.take()):
            kept, missing = self._cursor.admit(came)
            self._count(missing)
            if self._stop_after is not None:
                kept = [message for message in kept if message.stream_seq <= self._stop_after]
            if kept:
                yield kept
            if self._is_past_end():  # also where nothing was kept: what came lies behind the end
                return
            if self._subjects and came[-1].pending:
                await self._check_discarded()

    async def _attach(self) -> tuple[Puller, int]:
        """A puller on a new consumer, and how many messages that one has at its start."""
        retry_s = RETRY_S_MIN
        while True:
            await self._link.wait_connected()
            try:
                return await self._attach_once()
            except Unreachable as error:
                cause = error.cause
            except ApiFailed as error:
                if error.code != api.UNAVAILABLE:
                    raise
                cause = error.description
            _log.info("bus.reader.waiting", stream=self._stream, cause=cause)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, RETRY_S_MAX)

    async def _attach_once(self) -> tuple[Puller, int]:
        state = await stream_state(self._link, self._stream)
        self._count(self._cursor.attach(state))
        self._is_end_stored = self._stop_after is not None and state.last_seq >= self._stop_after
        consumer = f"{self._link.settings.name}-{self._link.unique_name()}"
        subject = api.consumer_create(self._stream, consumer)
        raw = await self._link.request(subject, api.encode(self._config(consumer)), API_TIMEOUT_S)
        pending: int = api.answer(subject, raw.data)["num_pending"]
        puller = Puller(self._link, self._stream, consumer, batch_max=self._batch_max)
        await puller.open()
        return puller, pending

    def _config(self, consumer: str) -> dict[str, Any]:
        config: dict[str, Any] = {
            "name": consumer,
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            # A read with an end counts what is still to come, and so begins where it has come to.
            "opt_start_seq": self._cursor.next_seq if self._stop_after else self._cursor.look_back_seq,
            "inactive_threshold": int(INACTIVE_S * 1e9),
            "mem_storage": True,
        }
        if self._subjects:
            config["filter_subjects"] = list(self._subjects)
        return {"stream_name": self._stream, "config": config}

    async def _check_discarded(self) -> None:
        now_s = time.monotonic()
        if now_s - self._checked_s < DISCARD_CHECK_S:
            return
        self._checked_s = now_s
        try:
            self._count(self._cursor.discarded(await stream_state(self._link, self._stream)))
        except Unreachable:
            return

    def _count(self, missing: int) -> None:
        if missing:
            self._link.counters.gaps += missing
            _log.warning("bus.gap", stream=self._stream, missing=missing, next_seq=self._cursor.next_seq)
