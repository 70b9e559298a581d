"""The gate's journal: one record an input, in the one order that decides (rule R3)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from contracts.scalars import Count, Digest, Nanos, Principal, VolatileCount


class MarkChange(Struct, frozen=True, array_like=True):
    """The newest market row of a symbol, where it changed since the last record.

    Attributes:
        price_micro: Last trade price, or mid of the last quote, in millionths, half-even.
        source, seq: The row's position in its feed.
    """

    symbol: str
    price_micro: Count
    ts_event_ns: Nanos
    source: str
    seq: Count


class SessionChange(Struct, frozen=True, array_like=True):
    """The session that holds gate time, or the next one, where it changed since the last record.

    The service expands it from the instrument's weekly hours, so that time zones have no say in
    a replay. Trading is open in ``[open_ns, close_ns)``.
    """

    symbol: str
    open_ns: Nanos
    close_ns: Nanos


class DeniedUnaudited(Struct, frozen=True, array_like=True):
    """An intent that was denied while the journal could not be written."""

    principal: str
    intent_id: str


class RecordKind(StrEnum):
    """What a record brings in."""

    CONFIG = "config"
    INTENT = "intent"
    CONTROL = "control"
    FILL = "fill"
    TIMER = "timer"


class GateRecord(Struct, frozen=True, kw_only=True, tag_field="schema", tag="gate_record.v1"):
    """One input of the gate, with everything its decision reads, by value.

    Written and synced before the decision; decisions read nothing else.

    Attributes:
        seq: From 1, without holes.
        gate_ts_ns: Gate time: the largest event time journaled, this record included.
        body: The bytes that came: an intent, an operator's command, a fill, or a ``GateConfig``;
            empty for a timer. Not decoded before it is journaled, so that a bad input is evidence.
        subject, principal, stream, stream_seq: Where the body came from.
        incarnation: Which life of that JetStream stream; with ``stream_seq`` it tells a redelivery.
            Volatile.
        marks, sessions: What changed since the record before, one entry a symbol at the most.
        is_audit_ok: Whether the recorder could write when this record was made.
        denied_unaudited: Intents denied since the record before without being journaled.
    """

    seq: Annotated[int, Meta(ge=1)]
    kind: RecordKind
    gate_ts_ns: Nanos
    body: bytes = b""
    subject: str = ""
    principal: str = ""
    stream: str = ""
    stream_seq: VolatileCount = 0
    incarnation: Annotated[str, Meta(extra={"volatile": True})] = ""
    marks: tuple[MarkChange, ...] = ()
    sessions: tuple[SessionChange, ...] = ()
    is_audit_ok: bool = True
    denied_unaudited: tuple[DeniedUnaudited, ...] = ()


class Fill(Struct, frozen=True, kw_only=True, tag_field="schema", tag="fill.v1"):
    """An execution of an approved intent, or its simulation. The only thing that moves a position.

    Attributes:
        fill_id: Identity; a known one is ignored.
        intent_id, principal: The approval it belongs to.
        lots: Signed: positive bought.
        price_micro: In millionths of a price unit.
    """

    fill_id: Digest
    intent_id: Digest
    principal: Principal
    strategy_id: str
    symbol: str
    lots: Annotated[int, Meta(ge=-(2**53), le=2**53)]
    price_micro: Count
    ts_event_ns: Nanos


class Snapshot(Struct, frozen=True, kw_only=True, tag_field="schema", tag="gate_snapshot.v1"):
    """The gate's state at a fixed sequence (rule R9). Never part of the chain.

    Attributes:
        seq: The last record it contains.
        chain: The hash chain there.
        state_hash: BLAKE2b of ``state``.
        code_digest: Of the code that made it; another code replays the whole journal instead.
        limits_hash: Of the configuration in force.
        state: The canonical state.
    """

    seq: Count
    chain: Digest
    state_hash: Digest
    code_digest: Digest
    limits_hash: Digest
    state: bytes
