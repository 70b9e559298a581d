"""States that stop the flow: trading state and circuit breakers."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from contracts.scalars import Count, Nanos


class TradingState(StrEnum):
    """What may pass: everything, only what brings exposure nearer to flat, or nothing."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class BreakerState(StrEnum):
    """CLOSED lets everything through, OPEN nothing, HALF_OPEN probes."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


BreakerName = Literal["invalid_input", "stale_market"]


class BreakerChanged(Struct, frozen=True, kw_only=True, tag_field="schema", tag="breaker_changed.v1"):
    """A circuit breaker moved, on ``risk.breaker.<name>``.

    Attributes:
        key: What it guards: a principal or a symbol.
        cause: The event of the state table that moved it.
        faults: Faults within its window at that moment.
    """

    name: BreakerName
    key: str
    previous: BreakerState
    state: BreakerState
    cause: str
    faults: Count
    gate_seq: Count
    ts_event_ns: Nanos


class TradingStateChanged(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="trading_state_changed.v1"
):
    """The trading state moved, on ``risk.state``.

    Attributes:
        is_killed: The kill switch is latched; only two people can reset it.
        cause: The command and its reason.
        operators: Who did it: one for a kill, two for a reset.
        gate_seq: Takes effect at this sequence: nothing after it is decided by the old state.
    """

    previous: TradingState
    state: TradingState
    is_killed: bool
    cause: str
    operators: tuple[str, ...]
    gate_seq: Count
    ts_event_ns: Nanos
