"""Publish windows: many core publishes, closed by an acknowledged one that proves them all.

Each message carries its id and the id of the one before it, which the server checks. After a
lost message nothing more of the window is stored, so the stream never holds the window with a
hole or out of order; the acknowledged last one fails, and the window is sent again under the
same ids. A second writer on the stream breaks that chain of ids: once one is seen, every message
is acknowledged by itself, slower and as safe.
"""

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

import structlog

from streams.bus import api
from streams.bus.errors import ApiFailed
from streams.bus.link import Link
from streams.bus.messages import MSG_ID_HEADER, PubAck

LAST_ID_HEADER = "Nats-Expected-Last-Msg-Id"

_log = structlog.get_logger("streams.bus")


class StoreOne(Protocol):
    """Publish one message until it is acknowledged; ``NotAcked``, or ``ApiFailed`` when refused."""

    def __call__(
        self, stream: str, subject: str, payload: bytes, headers: dict[str, str]
    ) -> Awaitable[PubAck]: ...


class _Sent(NamedTuple):
    subject: str
    payload: bytes
    msg_id: str
    after: str

    @property
    def chained(self) -> dict[str, str]:
        headers = {MSG_ID_HEADER: self.msg_id}
        if self.after:
            headers[LAST_ID_HEADER] = self.after
        return headers


class PublishWindow:
    """One writer's way into one stream. Not for two tasks at once.

    Attributes:
        size: Messages in a window.
        last_seq: Stream sequence of the last message that is proved stored; 0 before the first.
        is_shared: Another writer was seen on the stream.
    """

    def __init__(self, link: Link, store_one: StoreOne, stream: str, *, size: int) -> None:
        if size < 1:
            raise ValueError(f"a window's size is {size}, expected 1 or more")
        self.size, self.last_seq, self.is_shared = size, 0, False
        self._link, self._store_one, self._stream = link, store_one, stream
        self._prefix = f"{link.settings.name}.{link.unique_name()}."
        self._count = 0
        self._last_id = ""
        self._open: list[_Sent] = []

    @property
    def unproved(self) -> int:
        """Messages published since the last proof."""
        return len(self._open)

    async def publish(self, subject: str, payload: bytes) -> None:
        """Publish; the ``size``-th since the last proof is acknowledged.

        Raises:
            NotAcked: the window could not be proved or mended. It stays open, and a later
                ``publish`` or ``close_window`` tries again.
        """
        self._count += 1
        sent = _Sent(subject, payload, f"{self._prefix}{self._count}", self._last_id)
        self._open.append(sent)
        self._last_id = sent.msg_id
        if len(self._open) >= self.size or self.is_shared:
            await self.close_window()
            return
        # Bounded by pausing: while the broker is away the window would only grow.
        await self._link.wait_connected()
        await self._link.publish(subject, payload, headers=sent.chained)

    async def close_window(self) -> None:
        """Prove everything that was published so far. Raises ``NotAcked``."""
        if not self._open:
            return
        ack = None if self.is_shared else await self._prove()
        is_advance_wrong = ack is not None and 0 < self.last_seq != ack.seq - len(self._open)
        if ack is None or is_advance_wrong:
            ack = await self._send_again()
        self.last_seq = ack.seq
        self._open.clear()

    async def _prove(self) -> PubAck | None:
        """The acknowledgement of the window's last message; None where the chain broke before it.

        A last message that was sent before is known by its id and only acknowledged.
        """
        last = self._open[-1]
        try:
            return await self._store_one(self._stream, last.subject, last.payload, last.chained)
        except ApiFailed as error:
            if error.err_code != api.WRONG_LAST_MSG_ID:
                raise
            found = error.description.rpartition(" ")[2]
            # Before the first proof the last id is that of whoever wrote here before us.
            self.is_shared = bool(found and self.last_seq) and not found.startswith(self._prefix)
            return None

    async def _send_again(self) -> PubAck:
        """Every message of the window once more, in order; those stored already are known by id."""
        ack = PubAck(stream=self._stream, seq=self.last_seq)
        for sent in self._open:
            headers = {MSG_ID_HEADER: sent.msg_id}
            ack = await self._store_one(self._stream, sent.subject, sent.payload, headers)
            if not ack.is_duplicate and not self.is_shared:
                self._link.counters.healed += 1
                _log.warning("bus.window.healed", stream=self._stream, subject=sent.subject, seq=ack.seq)
        return ack
