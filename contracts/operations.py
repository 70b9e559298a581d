"""Operations: heartbeats of services, and letters that nobody could read."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from contracts.scalars import Count, Nanos, Principal, VolatileCount, VolatileNanos

PAYLOAD_MAX = 16_384
"""Bytes of a dead message that its letter carries."""


class Heartbeat(Struct, frozen=True, kw_only=True, tag_field="schema", tag="heartbeat.v1"):
    """A service is alive, on ``audit.heartbeat.<service>``, every 250 ms of wall time.

    Attributes:
        is_ready: Caught up and able to do its work.
        is_ok: Able to keep its promise now: the recorder and the gate can write their journals, the
            others get their messages confirmed.
        cause: Why it is not, else empty.
        ts_event_ns: Largest event time it has handled.
        position: Its last sequence: the gate's for the gate, else messages handled.
        ts_recv_ns: Wall time of the beat. Volatile.
    """

    service: Principal
    run_id: Annotated[str, Meta(max_length=64)]
    is_ready: bool
    is_ok: bool
    cause: Annotated[str, Meta(max_length=500)]
    ts_event_ns: Nanos
    position: VolatileCount
    ts_recv_ns: VolatileNanos


class DeadCause(StrEnum):
    """Why something ended as a dead letter."""

    UNDECODABLE = "undecodable"
    SUBJECT_MISMATCH = "subject_mismatch"
    INTENT_ID_REUSED = "intent_id_reused"
    TIME_WENT_BACK = "time_went_back"
    PRICE_NOT_FINITE = "price_not_finite"
    PRICE_NOT_POSITIVE = "price_not_positive"
    SIZE_INVALID = "size_invalid"
    DUPLICATE = "duplicate"
    GAP = "gap"
    DELIVERED_TOO_OFTEN = "delivered_too_often"
    FAILED = "failed"


class DeadLetter(Struct, frozen=True, kw_only=True, tag_field="schema", tag="dead_letter.v1"):
    """Something that could not be used, kept with its cause, on ``dead.<origin>``.

    Attributes:
        origin: The service that gave it up.
        subject, stream, stream_seq: Where it came from.
        detail: What was found and what was expected.
        count: How many rows or messages the letter stands for.
        payload: The bytes, cut at ``PAYLOAD_MAX``; a rejected row as JSON.
        payload_bytes: Their full length.
    """

    origin: Principal
    cause: DeadCause
    detail: Annotated[str, Meta(max_length=1_000)]
    subject: str
    stream: str
    stream_seq: Count
    count: Count
    ts_event_ns: Nanos
    payload: bytes
    payload_bytes: Count
