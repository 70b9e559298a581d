"""Commands: what the gate makes of an operator's kill, reduce or reset."""

from typing import NamedTuple

from contracts.codec import Undecodable, decode
from contracts.control import CommandAnswered, OperatorCommand, RefusalCode
from contracts.gate import GateRecord
from contracts.states import TradingState, TradingStateChanged
from contracts.subjects import Control
from risk.book.digests import digest_of
from risk.gate.intake import control_address
from risk.gate.rules import Rules
from risk.gate.trading import PendingReset, Trading


class Refusal(NamedTuple):
    """Why a command is refused, with the numbers behind it: nanoseconds or sequences, 0 where none."""

    code: RefusalCode
    found: int = 0
    allowed: int = 0


def obey(
    trading: Trading, rules: Rules, record: GateRecord
) -> tuple[CommandAnswered, TradingStateChanged | None]:
    """Apply one control record. The answer tells the operator; the change, if any, everybody."""
    address = control_address(record.subject)
    command = _read(record.body)
    is_repeated = command is not None and not _use_up(trading, command.nonce, record.seq)
    if address.command == "kill":
        previous = trading.state
        trading.kill(record.seq, record.gate_ts_ns)
        reason = "its body could not be read" if command is None else command.reason
        change = _changed(record, trading, previous, f"kill: {reason}", (address.operator,))
        return _answered(record, address, command, None), change
    if command is None:
        return _answered(record, address, command, Refusal(RefusalCode.MALFORMED)), None
    refusal = _mismatch(address, command, is_repeated=is_repeated) or _refusal(
        trading, rules, record, command
    )
    if refusal is not None:
        return _answered(record, address, command, refusal), None
    if command.command == "reduce":
        trading.reduce(record.seq)
        cause, operators = f"reduce: {command.reason}", (address.operator,)
        change = _changed(record, trading, TradingState.ACTIVE, cause, operators)
        return _answered(record, address, command, None), change
    return _reset(trading, record, address, command)


def _reset(
    trading: Trading, record: GateRecord, address: Control, command: OperatorCommand
) -> tuple[CommandAnswered, TradingStateChanged | None]:
    first, previous = trading.pending, trading.state
    if first is None:
        trading.pending = PendingReset(address.operator, record.gate_ts_ns)
        return _answered(record, address, command, None, waits=True), None
    trading.resume()
    operators = (first.operator, address.operator)
    change = _changed(record, trading, previous, f"reset: {command.reason}", operators)
    return _answered(record, address, command, None), change


def _mismatch(address: Control, command: OperatorCommand, *, is_repeated: bool) -> Refusal | None:
    if (command.command, command.operator) != address:
        return Refusal(RefusalCode.SUBJECT_MISMATCH)
    return Refusal(RefusalCode.NONCE_REUSED) if is_repeated else None


def _refusal(trading: Trading, rules: Rules, record: GateRecord, command: OperatorCommand) -> Refusal | None:
    if record.gate_ts_ns > command.expires_ts_ns:
        return Refusal(RefusalCode.EXPIRED, record.gate_ts_ns, command.expires_ts_ns)
    is_active = trading.state is TradingState.ACTIVE
    if is_active != (command.command == "reduce"):
        return Refusal(RefusalCode.NOTHING_TO_RESET)
    if command.command == "reset":
        return _reset_refusal(trading, rules, record, command)
    return None


def _reset_refusal(
    trading: Trading, rules: Rules, record: GateRecord, command: OperatorCommand
) -> Refusal | None:
    # A sequence that is not before the reset's own cannot have been seen: it would let a person
    # write the reset before the kill.
    seen = command.expected_gate_seq
    if not trading.stopped_seq <= seen < record.seq:
        return Refusal(RefusalCode.NOT_SEEN, seen, trading.stopped_seq)
    if trading.kill_ts_ns is not None:
        elapsed_ns = record.gate_ts_ns - trading.kill_ts_ns
        if elapsed_ns < rules.cool_off_ns:
            return Refusal(RefusalCode.COOL_OFF, elapsed_ns, rules.cool_off_ns)
    if trading.pending is not None and trading.pending.operator == command.operator:
        return Refusal(RefusalCode.SAME_OPERATOR)
    return None


def _read(body: bytes) -> OperatorCommand | None:
    try:
        return decode(OperatorCommand, body)
    except Undecodable:
        return None


def _use_up(trading: Trading, nonce: str, seq: int) -> bool:
    return trading.nonces.add(digest_of(nonce), seq) is None


def _answered(
    record: GateRecord,
    address: Control,
    command: OperatorCommand | None,
    refusal: Refusal | None,
    *,
    waits: bool = False,
) -> CommandAnswered:
    return CommandAnswered(
        command=address.command,
        operator=address.operator,
        nonce="" if command is None else command.nonce,
        is_accepted=refusal is None,
        code=None if refusal is None else refusal.code,
        found=0 if refusal is None else refusal.found,
        allowed=0 if refusal is None else refusal.allowed,
        waits_for_second=waits,
        gate_seq=record.seq,
        ts_event_ns=record.gate_ts_ns,
    )


def _changed(
    record: GateRecord, trading: Trading, previous: TradingState, cause: str, operators: tuple[str, ...]
) -> TradingStateChanged:
    return TradingStateChanged(
        previous=previous,
        state=trading.state,
        is_killed=trading.is_killed,
        cause=cause,
        operators=operators,
        gate_seq=record.seq,
        ts_event_ns=record.gate_ts_ns,
    )
