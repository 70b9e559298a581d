"""The JetStream streams and durable consumers of a run, as data."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from contracts import subjects
from contracts.scalars import SECOND_NS

MARKET, BARS, NEWS, FEATURES = "MARKET", "BARS", "NEWS", "FEATURES"
VERDICTS, RISK, CONTROL, ORDERS = "VERDICTS", "RISK", "CONTROL", "ORDERS"
AUDIT, HEARTBEATS, DEAD = "AUDIT", "HEARTBEATS", "DEAD"

GATE_DURABLE = "gate"

DISK_BYTES = 4 * 1024**3
"""Disk that all streams of a run may take, unless a setting says otherwise."""

HOUR_NS = 3_600 * SECOND_NS
FLOW_AGE_NS = 7 * 24 * HOUR_NS
DUPLICATE_WINDOW_NS = 600 * SECOND_NS

# Percent of the disk bound. All intent streams together take INTENTS_SHARE.
_SHARES = {
    MARKET: 22,
    FEATURES: 22,
    BARS: 4,
    NEWS: 2,
    VERDICTS: 26,
    RISK: 2,
    CONTROL: 1,
    ORDERS: 4,
    AUDIT: 2,
    HEARTBEATS: 1,
    DEAD: 4,
}
INTENTS_SHARE = 10

INTENT_BYTES_MAX = 65_536
"""Of one intent: room for everything its fields allow, and not for a flood that fills memories."""

VERDICT_BYTES = 1_536
"""Of one stored verdict, generously. All intents together may cause no more than ``VERDICTS`` takes:
else one principal could fill it, and so stop the others."""


class StreamSpec(Struct, frozen=True, kw_only=True):
    """One JetStream stream.

    Attributes:
        is_decision: Written to disk before it is acknowledged; nothing in it can be deleted or
            purged, and a full one refuses new messages. Others lose their oldest.
        is_async: Acknowledged before it is on disk: what can be made again.
        max_age_ns: 0 for ever.
        max_msgs, max_msg_bytes: 0 for no bound.
    """

    name: str
    subjects: tuple[str, ...]
    is_decision: bool
    is_async: bool
    max_bytes: int
    max_age_ns: int = 0
    max_msgs: int = 0
    max_msg_bytes: int = 0

    def config(self) -> dict[str, Any]:
        """As JetStream's API wants it, and gives it back."""
        config: dict[str, Any] = {
            "name": self.name,
            "subjects": list(self.subjects),
            "retention": "limits",
            "storage": "file",
            "num_replicas": 1,
            "discard": "new" if self.is_decision else "old",
            "max_bytes": self.max_bytes,
            "max_age": self.max_age_ns,
            "max_msgs": self.max_msgs or -1,
            "max_msg_size": self.max_msg_bytes or -1,
            "max_msgs_per_subject": -1,
            "duplicate_window": DUPLICATE_WINDOW_NS,
            "deny_delete": self.is_decision,
            "deny_purge": self.is_decision,
            "allow_rollup_hdrs": False,
            "allow_direct": False,
            "allow_msg_ttl": False,
        }
        if self.is_async:
            config["persist_mode"] = "async"
        return config


class DurableSpec(Struct, frozen=True, kw_only=True):
    """One durable pull consumer with explicit acknowledgement.

    Attributes:
        pin_group: Priority group of which the server serves one client; empty for none.
        pin_ttl_ns: A pinned client that asks for nothing for so long loses its place.
    """

    stream: str
    name: str
    ack_wait_ns: int = 5 * SECOND_NS
    max_ack_pending: int = 256
    pin_group: str = ""
    pin_ttl_ns: int = 3 * SECOND_NS

    def config(self) -> dict[str, Any]:
        """As JetStream's API wants it, and gives it back."""
        config: dict[str, Any] = {
            "name": self.name,
            "durable_name": self.name,
            "ack_policy": "explicit",
            "ack_wait": self.ack_wait_ns,
            "deliver_policy": "all",
            "max_ack_pending": self.max_ack_pending,
            "max_deliver": -1,
            "replay_policy": "instant",
        }
        if self.pin_group:
            config["priority_groups"] = [self.pin_group]
            config["priority_policy"] = "pinned_client"
            config["priority_timeout"] = self.pin_ttl_ns
        return config


def intents_stream(principal: str) -> str:
    """The stream of one principal's intents: nobody else's flood or message ids reach into it."""
    return f"INTENTS_{principal.upper()}"


def stream_specs(
    intent_principals: Mapping[str, Sequence[str]], *, disk_bytes: int = DISK_BYTES
) -> list[StreamSpec]:
    """Every stream of a run.

    Args:
        intent_principals: Who may propose, with its strategies.
        disk_bytes: The bound of all streams together.
    """
    fixed = [
        _flow(
            MARKET, disk_bytes, subjects.ALL_TRADES, subjects.ALL_QUOTES, subjects.ALL_BOOKS, subjects.CLOCK
        ),
        _flow(BARS, disk_bytes, subjects.ALL_BARS),
        _flow(NEWS, disk_bytes, subjects.ALL_NEWS),
        _flow(FEATURES, disk_bytes, subjects.ALL_FEATURES),
        _decision(VERDICTS, disk_bytes, subjects.ALL_VERDICTS),
        _decision(RISK, disk_bytes, subjects.RISK_STATE, subjects.RISK_LIMITS, subjects.ALL_BREAKERS),
        _decision(CONTROL, disk_bytes, subjects.ALL_CONTROL),
        _decision(ORDERS, disk_bytes, subjects.ALL_SHADOW_ORDERS, subjects.ALL_SHADOW_FILLS),
        _decision(AUDIT, disk_bytes, *subjects.AUDIT_KINDS),
        _flow(HEARTBEATS, disk_bytes, subjects.ALL_HEARTBEATS),
        _flow(DEAD, disk_bytes, subjects.ALL_DEAD, is_async=False),
    ]
    proposing = {principal: strategies for principal, strategies in intent_principals.items() if strategies}
    each_bytes = disk_bytes * INTENTS_SHARE // 100 // max(1, len(proposing))
    each_msgs = disk_bytes * _SHARES[VERDICTS] // 100 // VERDICT_BYTES // max(1, len(proposing))
    intents = [
        StreamSpec(
            name=intents_stream(principal),
            subjects=tuple(subjects.intents_of(strategy) for strategy in strategies),
            is_decision=True,
            is_async=False,
            max_bytes=each_bytes,
            max_msgs=each_msgs,
            max_msg_bytes=INTENT_BYTES_MAX,
        )
        for principal, strategies in proposing.items()
    ]
    return fixed + intents


def durable_specs(intent_principals: Mapping[str, Sequence[str]]) -> list[DurableSpec]:
    """Every durable consumer of a run: the gate's, on each intents stream."""
    return [
        DurableSpec(stream=intents_stream(principal), name=GATE_DURABLE, pin_group=GATE_DURABLE)
        for principal, strategies in intent_principals.items()
        if strategies
    ]


def _flow(name: str, disk_bytes: int, *families: str, is_async: bool = True) -> StreamSpec:
    return StreamSpec(
        name=name,
        subjects=families,
        is_decision=False,
        is_async=is_async,
        max_bytes=disk_bytes * _SHARES[name] // 100,
        max_age_ns=FLOW_AGE_NS,
    )


def _decision(name: str, disk_bytes: int, *families: str) -> StreamSpec:
    return StreamSpec(
        name=name,
        subjects=families,
        is_decision=True,
        is_async=False,
        max_bytes=disk_bytes * _SHARES[name] // 100,
    )
