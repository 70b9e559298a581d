"""Operator commands, and the gate's answers to them."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.scalars import Count, Nanos, Principal

CommandName = Literal["kill", "reset", "reduce"]
Nonce = Annotated[str, Meta(pattern=r"^[0-9a-f]{16,64}$(?!\n)")]


class OperatorCommand(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="schema",
    tag="operator_command.v1",
    forbid_unknown_fields=True,
):
    """A person's order to the gate, on ``control.<command>.<operator>``.

    The operator is the subject's token, which the broker ties to a credential; the body's must
    agree. A kill is obeyed whatever its body says.

    Attributes:
        nonce: Never used before; tells a repeated delivery from a second wish.
        reason: For the record; mandatory.
        expires_ts_ns: Gate time after which it is refused.
        expected_gate_seq: The gate sequence that the operator saw. A reset that has not seen the
            kill is refused.
    """

    command: CommandName
    operator: Principal
    nonce: Nonce
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    expires_ts_ns: Nanos
    expected_gate_seq: Count


class RefusalCode(StrEnum):
    """Why a command was refused. Closed, like ``DenyCode``."""

    MALFORMED = "MALFORMED"
    SUBJECT_MISMATCH = "SUBJECT_MISMATCH"
    NONCE_REUSED = "NONCE_REUSED"
    EXPIRED = "EXPIRED"
    NOTHING_TO_RESET = "NOTHING_TO_RESET"
    NOT_SEEN = "NOT_SEEN"
    COOL_OFF = "COOL_OFF"
    SAME_OPERATOR = "SAME_OPERATOR"


class CommandAnswered(Struct, frozen=True, kw_only=True, tag_field="schema", tag="command_answered.v1"):
    """What the gate made of a command, on ``audit.command``.

    Attributes:
        is_accepted: A first reset is accepted too: it waits for the second person.
        code: Why it was refused, else None.
        found, allowed: The numbers behind the refusal, in nanoseconds or sequences; 0 where none.
    """

    command: str
    operator: str
    nonce: str
    is_accepted: bool
    code: RefusalCode | None
    found: Count
    allowed: Count
    waits_for_second: bool
    gate_seq: Count
    ts_event_ns: Nanos
