"""A duel: the gate and the oracle over the same hostile records, compared one by one."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from contracts.gate import GateRecord, RecordKind
from contracts.states import BreakerName, BreakerState, TradingState
from contracts.verdicts import Outcome, Verdict
from risk.gate import Decision
from services.prove.bounds import Bounds
from services.prove.hostile import Adversary, Again
from services.prove.oracle import Oracle, Ruling


class Judge(Protocol):
    """What a duel needs of a gate."""

    def decide(self, record: GateRecord, epoch: int = 0) -> Decision: ...

    def known(self, principal: str, intent_id: str) -> int | None: ...

    @property
    def trading_state(self) -> TradingState: ...

    def breakers(self) -> list[tuple[BreakerName, str, BreakerState]]: ...


class Disagreement(AssertionError):
    """The gate and the oracle differ on a record, or the gate broke a bound.

    Attributes:
        seq: The record's sequence.
        gate, oracle: What each said.
    """

    def __init__(self, record: GateRecord | None, what: str, gate: object, oracle: object) -> None:
        self.seq = record.seq if record else 0
        self.gate, self.oracle = gate, oracle
        kind = f"record {self.seq} ({record.kind})" if record else "a redelivery"
        super().__init__(f"{kind}: {what}: the gate says {gate}, the oracle {oracle}")


@dataclass(slots=True)
class Tally:
    """What was compared, and what came out."""

    records: int = 0
    intents: int = 0
    approved: int = 0
    redelivered: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Take in another's counts."""
        self.records += other.records
        self.intents += other.intents
        self.approved += other.approved
        self.redelivered += other.redelivered
        self.codes += other.codes
        self.refusals += other.refusals

    @property
    def approved_share(self) -> float:
        """Of all intents, the undecodable included."""
        return self.approved / self.intents if self.intents else 0.0


def fight(seed: str, intents: int, judge: Judge) -> Tally:
    """Drive one new gate through ``intents`` hostile intents.

    Raises Disagreement at the first difference: after it the two states are no longer the same.
    """
    oracle, bounds, tally = Oracle(), Bounds(), Tally()
    adversary = Adversary(random.Random(seed), oracle)  # noqa: S311 - a seed that repeats is the point
    while tally.intents < intents:
        item = adversary.next()
        if isinstance(item, Again):
            _compare_identity(judge, oracle, item)
            tally.redelivered += 1
        else:
            _compare(judge, oracle, bounds, item, tally)
    return tally


def _compare(judge: Judge, oracle: Oracle, bounds: Bounds, record: GateRecord, tally: Tally) -> None:
    expected = oracle.judge(record)
    decision = _decided(judge, record)
    found = ruling_of(record, decision)
    if found != expected:
        raise Disagreement(record, _shown(record), found, expected)
    if judge.trading_state != oracle.desk.state:
        raise Disagreement(record, "trading state", judge.trading_state, oracle.desk.state)
    if _open_breakers(judge) != _open_breakers_of(oracle):
        raise Disagreement(record, "open breakers", _open_breakers(judge), _open_breakers_of(oracle))
    is_reset = record.kind is RecordKind.CONTROL and oracle.desk.state == TradingState.ACTIVE
    if broken := bounds.watch(record, decision.verdict, is_reset=is_reset):
        raise Disagreement(record, _shown(record), "; ".join(broken), "within every limit")
    _count(record, found, tally)


def _decided(judge: Judge, record: GateRecord) -> Decision:
    try:
        return judge.decide(record)
    except Exception as error:  # whatever it raises is a finding, and ends this duel
        raise Disagreement(record, _shown(record), f"nothing and raises {error!r}", "a decision") from error


def _compare_identity(judge: Judge, oracle: Oracle, again: Again) -> None:
    identity = (again.principal, again.intent_id)
    found, expected = judge.known(*identity), oracle.known.get(identity)
    if found != expected:
        raise Disagreement(None, f"{identity} was first recorded at", found, expected)


def ruling_of(record: GateRecord, decision: Decision) -> Ruling:
    """A decision in the oracle's words."""
    if decision.verdict is not None:
        return _verdict_ruling(decision.verdict)
    if decision.answer is not None:
        code, waits = str(decision.answer.code or ""), decision.answer.waits_for_second
        return Ruling("ACCEPTED" if decision.answer.is_accepted else "REFUSED", code, waits=waits)
    is_dead = decision.dead_cause is not None or record.kind is RecordKind.INTENT
    return Ruling("DEAD" if is_dead else "TAKEN")


def _verdict_ruling(verdict: Verdict) -> Ruling:
    return Ruling(
        "APPROVED" if verdict.outcome is Outcome.APPROVED else "DENIED",
        str(verdict.code or ""),
        verdict.lots,
        verdict.target_lots,
        verdict.expires_ts_ns,
    )


def _open_breakers(judge: Judge) -> set[tuple[str, str, str]]:
    return {(name, key, str(state)) for name, key, state in judge.breakers() if state != BreakerState.CLOSED}


def _open_breakers_of(oracle: Oracle) -> set[tuple[str, str, str]]:
    breakers = oracle.breakers.all.items()
    return {(name, key, each.state) for (name, key), each in breakers if each.state != "CLOSED"}


def _count(record: GateRecord, ruling: Ruling, tally: Tally) -> None:
    tally.records += 1
    if record.kind is RecordKind.INTENT:
        tally.intents += 1
        tally.approved += ruling.kind == "APPROVED"
        tally.codes[ruling.code or ruling.kind] += 1
    elif ruling.kind == "REFUSED":
        tally.refusals[ruling.code] += 1


def _shown(record: GateRecord) -> str:
    try:
        body = msgspec.msgpack.decode(record.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        body = record.body[:80]
    return f"{record.subject or record.principal} {str(body)[:600]}"
