"""Commands of operators: the kill latch, and who may undo it."""

from dataclasses import dataclass

from contracts import subjects
from contracts.gate import GateRecord
from services.prove.oracle.forms import read_command
from services.prove.oracle.rules import Rules
from services.prove.oracle.ruling import Ruling


@dataclass(frozen=True, slots=True)
class FirstReset:
    """A reset that waits for its second person."""

    operator: str
    gate_ts_ns: int


class Desk:
    """Trading state, kill latch, pending reset and used nonces."""

    def __init__(self) -> None:
        self.state = "ACTIVE"
        self.is_killed = False
        self.stopped_seq = 0
        self.killed_ns: int | None = None
        self.first: FirstReset | None = None
        self.nonces: set[str] = set()

    def judge(self, record: GateRecord, rules: Rules) -> Ruling:
        """Rule on one ``control`` record."""
        wanted = _subject(record.subject)
        command = read_command(record.body)
        nonce = str(command["nonce"]) if command else ""
        is_reused = nonce in self.nonces
        if command:
            self.nonces.add(nonce)
        if is_kill(record.subject):
            return self._kill(record)
        if command is None:
            return Ruling("REFUSED", "MALFORMED")
        if (command["command"], command["operator"]) != wanted:
            return Ruling("REFUSED", "SUBJECT_MISMATCH")
        if is_reused:
            return Ruling("REFUSED", "NONCE_REUSED")
        if record.gate_ts_ns > int(str(command["expires_ts_ns"])):
            return Ruling("REFUSED", "EXPIRED")
        if command["command"] == "reduce":
            return self._reduce(record)
        return self._reset(record, rules, str(command["operator"]), int(str(command["expected_gate_seq"])))

    def _kill(self, record: GateRecord) -> Ruling:
        self.state, self.is_killed = "HALTED", True
        self.stopped_seq, self.killed_ns = record.seq, record.gate_ts_ns
        self.first = None
        return Ruling("ACCEPTED")

    def _reduce(self, record: GateRecord) -> Ruling:
        if self.state != "ACTIVE":
            return Ruling("REFUSED", "NOTHING_TO_RESET")
        self.state, self.stopped_seq = "REDUCING", record.seq
        return Ruling("ACCEPTED")

    def _reset(self, record: GateRecord, rules: Rules, operator: str, seen_seq: int) -> Ruling:
        if self.state == "ACTIVE":
            return Ruling("REFUSED", "NOTHING_TO_RESET")
        if not self.stopped_seq <= seen_seq < record.seq:
            return Ruling("REFUSED", "NOT_SEEN")
        now_ns = record.gate_ts_ns
        if self.killed_ns is not None and now_ns - self.killed_ns < rules.cool_off_ns:
            return Ruling("REFUSED", "COOL_OFF")
        if self.first is None or now_ns - self.first.gate_ts_ns > rules.second_within_ns:
            self.first = FirstReset(operator, now_ns)
            return Ruling("ACCEPTED", waits=True)
        if self.first.operator == operator:
            return Ruling("REFUSED", "SAME_OPERATOR")
        self.state, self.is_killed, self.first = "ACTIVE", False, None
        return Ruling("ACCEPTED")


def is_kill(subject: str) -> bool:
    """Whether the subject says kill, in its second token, however odd the rest of it is."""
    return subject.split(".")[1:2] == ["kill"]


def _subject(subject: str) -> tuple[str, str] | None:
    try:
        parsed = subjects.parse_control(subject)
    except subjects.SubjectInvalid:
        return None
    return parsed.command, parsed.operator
