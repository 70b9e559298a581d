"""Dead letters about messages: what could not be used, with its cause and its bytes."""

from contracts.operations import PAYLOAD_MAX, DeadCause, DeadLetter
from streams.bus.messages import Message

DETAIL_MAX = 1_000


class MessageRefused(ValueError):
    """A message is not what its subject says.

    Attributes:
        cause: What its dead letter says.
        detail: What was found, and what was expected.
    """

    def __init__(self, cause: DeadCause, detail: str) -> None:
        self.cause, self.detail = cause, detail
        super().__init__(detail)


def letter_about(
    message: Message,
    *,
    origin: str,
    cause: DeadCause,
    detail: str,
    ts_event_ns: int,
    payload: bytes | None = None,
    count: int = 1,
) -> DeadLetter:
    """The letter that ``origin`` writes about a message.

    Args:
        payload: What of it could not be used, where that is not the whole of its bytes; cut at
            ``PAYLOAD_MAX``.
        count: How many rows it stands for.
    """
    kept = message.payload if payload is None else payload
    return DeadLetter(
        origin=origin,
        cause=cause,
        detail=detail[:DETAIL_MAX],
        subject=message.subject,
        stream=message.stream,
        stream_seq=message.stream_seq,
        count=count,
        ts_event_ns=ts_event_ns,
        payload=kept[:PAYLOAD_MAX],
        payload_bytes=len(kept),
    )
