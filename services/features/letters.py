"""Dead letters of the features service: messages that cannot be read, rows that cannot be used."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from contracts.operations import DeadLetter
from streams.bus import Message, MessageRefused, letter_about
from streams.quality.intake import Aside

ORIGIN = "features"
ROWS_MAX = 100
"""Rows that one letter shows; it counts all."""


def refused(message: Message, error: MessageRefused, ts_event_ns: int) -> DeadLetter:
    """The letter for a message that cannot be used at all."""
    return letter_about(
        message, origin=ORIGIN, cause=error.cause, detail=error.detail, ts_event_ns=ts_event_ns
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
        yield letter_about(
            message,
            origin=ORIGIN,
            cause=cause,
            detail=detail,
            ts_event_ns=time_ns,
            payload=payload,
            count=len(members),
        )
