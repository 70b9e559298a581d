"""What the bus hands out: a stored message, an acknowledgement, the state of a stream."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from msgspec import Struct

Send = Callable[[str, bytes], Awaitable[None]]

MSG_ID_HEADER = "Nats-Msg-Id"


class Message:
    """One message as it came.

    A core message has an empty ``stream``, sequence 0 and time 0.

    Attributes:
        stream_seq: Position in its JetStream stream, from 1.
        ts_store_ns: When the broker stored it, Unix nanoseconds. Never part of a decision.
        deliveries: How often it was delivered, this time included; a caller gives up a message
            that it saw too often as a dead letter.
        consumer_seq: Position among what its consumer delivered; without holes.
        pending: Messages that its consumer still had when this one left.
    """

    __slots__ = (
        "_reply",
        "_send",
        "consumer_seq",
        "deliveries",
        "headers",
        "payload",
        "pending",
        "stream",
        "stream_seq",
        "subject",
        "ts_store_ns",
    )

    def __init__(
        self,
        subject: str,
        payload: bytes,
        headers: dict[str, str] | None = None,
        *,
        stream: str = "",
        stream_seq: int = 0,
        ts_store_ns: int = 0,
        deliveries: int = 1,
        consumer_seq: int = 0,
        pending: int = 0,
        reply: str = "",
        send: Send | None = None,
    ) -> None:
        self.subject, self.payload, self.headers = subject, payload, headers or {}
        self.stream, self.stream_seq, self.ts_store_ns = stream, stream_seq, ts_store_ns
        self.deliveries, self.consumer_seq, self.pending = deliveries, consumer_seq, pending
        self._reply, self._send = reply, send

    def __repr__(self) -> str:
        where = f"{self.stream} {self.stream_seq}" if self.stream else "core"
        return f"Message({self.subject!r}, {where}, {len(self.payload)} bytes)"

    async def ack(self) -> None:
        """Tell the consumer that the message is done with. Not waited for: a lost one means redelivery.

        Does nothing for a message that no consumer waits for.
        """
        if self._send is not None and self._reply:
            await self._send(self._reply, b"")


class Delivery(NamedTuple):
    """What the reply subject of a stored message says about it."""

    stream: str
    deliveries: int
    stream_seq: int
    consumer_seq: int
    ts_store_ns: int
    pending: int


def parse_delivery(reply: str) -> Delivery | None:
    """The delivery of ``$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<time>.<pending>``.

    Servers of a domain put the domain and an account hash before the stream. None for anything else.
    """
    tokens = reply.split(".")
    at = 2 if len(tokens) == 9 else 4
    if len(tokens) not in (9, 11, 12) or tokens[:2] != ["$JS", "ACK"]:
        return None
    stream, _, delivered, seq, consumer_seq, ts_ns, pending = tokens[at : at + 7]
    return Delivery(stream, int(delivered), int(seq), int(consumer_seq), int(ts_ns), int(pending))


class PubAck(Struct, frozen=True, kw_only=True):
    """A stream has stored a message.

    Attributes:
        is_duplicate: It had a message of this id already; ``seq`` is that one's.
    """

    stream: str
    seq: int
    is_duplicate: bool = False


class StreamState(Struct, frozen=True, kw_only=True):
    """Where a JetStream stream begins and ends.

    Attributes:
        created: When it was made, as the broker writes it: tells one incarnation from the next.
        first_seq, last_seq: ``last_seq`` 0 means that nothing was ever stored.
    """

    name: str
    created: str
    first_seq: int
    last_seq: int
    messages: int
    bytes: int
