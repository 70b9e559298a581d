"""Dead letters of the features service: messages that cannot be read, rows that cannot be used."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from contracts.operations import PAYLOAD_MAX, DeadCause, DeadLetter
from streams.bus import Message
from streams.quality.intake import Aside

ORIGIN = "features"
ROWS_MAX = 100
"""Rows that one letter shows; it counts all."""


class MessageRefused(ValueError):
    """A message is not what its subject says.

    Attributes:
        cause: What the dead letter says.
    """

    def __init__(self, cause: DeadCause, detail: str) -> None:
        self.cause, self.detail = cause, detail
        super().__init__(detail)


def refused(message: Message, error: MessageRefused, ts_event_ns: int) -> DeadLetter:
    """The letter for a message that cannot be used at all."""
    return _letter(
        message, error.cause, error.detail, ts_event_ns=ts_event_ns, payload=message.payload, count=1
    )


def set_aside(message: Message, rows: Iterable[Aside]) -> Iterator[DeadLetter]:
    """One letter for each cause among the rows of one message that were not processed."""
    by_cause = sorted(rows, key=lambda row: row.cause)
    for cause, group in groupby(by_cause, key=lambda row: row.cause):
        members = list(group)
        first = members[0]
        payload = msgspec.json.encode([{"seq": row.seq, **row.row._asdict()} for row in members[:ROWS_MAX]])
        detail = f"{first.source} {first.symbol} row {first.seq}: {first.detail}"
        time_ns = max(first.row.ts_event_ns, 0)
        yield _letter(message, cause, detail, ts_event_ns=time_ns, payload=payload, count=len(members))


def _letter(
    message: Message, cause: DeadCause, detail: str, *, ts_event_ns: int, payload: bytes, count: int
) -> DeadLetter:
    return DeadLetter(
        origin=ORIGIN,
        cause=cause,
        detail=detail[:1_000],
        subject=message.subject,
        stream=message.stream,
        stream_seq=message.stream_seq,
        count=count,
        ts_event_ns=ts_event_ns,
        payload=payload[:PAYLOAD_MAX],
        payload_bytes=len(payload),
    )
