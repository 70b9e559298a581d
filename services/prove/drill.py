"""A kill drill: one gate, one kill, and everything that must not undo it.

The drill keeps the few facts that a person at the controls would: who killed when, and who asked
for a reset. Each move says beforehand what the gate has to answer.
"""

import random
from collections import Counter
from typing import Final

import msgspec

from contracts import codec, subjects
from contracts.control import CommandAnswered, RefusalCode
from contracts.gate import GateRecord, MarkChange, RecordKind, SessionChange
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from contracts.verdicts import DenyCode, Outcome, Verdict
from risk.gate import Decision, Gate
from services.prove.hostile import world
from services.prove.hostile.people import People

SYMBOL, STRATEGY, PRINCIPAL = "ES", "alpha", "predict"
START_NS: Final = 1_700_000_000 * SECOND_NS
_encode = msgspec.msgpack.Encoder().encode


class KillBroken(AssertionError):
    """The gate let something through, or refused for another reason than it should.

    Attributes:
        move: What was tried.
        found, expected: What the gate said, and what it had to say.
    """

    def __init__(self, seq: int, move: str, found: object, expected: object) -> None:
        self.move, self.found, self.expected = move, found, expected
        super().__init__(f"record {seq}: {move}: found {found}, expected {expected}")


class Drill:
    """Drives one gate from its first record through a kill to a reset by two people."""

    def __init__(self, rng: random.Random, gate: Gate, counts: Counter[str]) -> None:
        self._rng, self._gate, self._counts = rng, gate, counts
        self._people = People(rng)
        self._seq, self._now_ns = 0, START_NS
        self._killed_seq, self._killed_ns = 0, 0
        self._first_operator, self._first_ns = "", 0
        self._send(RecordKind.CONFIG, body=codec.encode(world.configuration()))

    def run(self, moves: int) -> None:
        """Approve, kill, try ``moves`` things, reset properly, approve again. Raises KillBroken."""
        self._expect_approval("an intent before the kill")
        if self._rng.random() < 0.3:
            self._reduce()
        self._kill()
        tries = (
            *(self._intent_while_killed,) * 3,
            self._before_the_cool_off,
            self._expired,
            self._replayed,
            self._not_seen,
            self._from_the_future,
            self._on_a_foreign_subject,
            self._malformed,
            self._reduce_while_halted,
            self._one_operator_twice,
            self._second_too_late,
            self._kill,
            self._restarted,
        )
        for _ in range(moves):
            self._rng.choice(tries)()
            self._later(self._rng.choice((0, 1, 3 * MILLISECOND_NS)))
        self._reset_by_two()
        self._expect_approval("an intent after the reset")

    # What has to work

    def _kill(self) -> None:
        answer = self._command(*self._people.kill(self._now_ns))
        self._require("a kill", answer.is_accepted, expected=True)
        self._killed_seq, self._killed_ns, self._first_operator = self._seq, self._now_ns, ""
        self._counts["kills"] += 1

    def _reduce(self) -> None:
        answer = self._command(*self._people.command("reduce", "operator3"))
        self._require("a reduce", answer.is_accepted, expected=True)

    def _reset_by_two(self) -> None:
        one, two = self._rng.sample(world.OPERATORS, 2)
        self._first(one)
        self._to(self._first_ns + self._rng.choice((0, world.SECOND_WITHIN_NS)))
        answer = self._reset(two)
        self._require(
            "the second person's reset", (answer.is_accepted, answer.waits_for_second), (True, False)
        )
        self._killed_seq = 0
        self._counts["resets"] += 1

    def _expect_approval(self, move: str) -> None:
        self._later(SECOND_NS)  # what was approved before has lapsed, and nothing is held
        verdict = self._intent(1)
        self._require(move, verdict.outcome, Outcome.APPROVED)
        self._counts["approved"] += 1

    # What must not

    def _intent_while_killed(self) -> None:
        verdict = self._intent(self._rng.randint(2, 9))
        self._require(
            "an intent while killed", (verdict.outcome, verdict.code), (Outcome.DENIED, DenyCode.KILLED)
        )
        self._counts["denied"] += 1

    def _before_the_cool_off(self) -> None:
        if self._now_ns >= self._killed_ns + world.COOL_OFF_NS:
            return
        self._to(self._rng.randrange(self._now_ns, self._killed_ns + world.COOL_OFF_NS))
        self._refuse("a reset before the cool-off", RefusalCode.COOL_OFF, self._good_reset())

    def _expired(self) -> None:
        self._later(1)
        late = self._good_reset(
            expires_ts_ns=self._now_ns - self._rng.choice((1, 1, SECOND_NS, self._now_ns))
        )
        self._refuse("a reset after it expired", RefusalCode.EXPIRED, late)

    def _replayed(self) -> None:
        used = self._people.nonce()
        self._command(*self._people.command("reduce", "operator3", nonce=used, expires_ts_ns=0))
        self._refuse("a reset with a used nonce", RefusalCode.NONCE_REUSED, self._good_reset(nonce=used))

    def _not_seen(self) -> None:
        blind = self._good_reset(expected_gate_seq=self._rng.choice((0, self._killed_seq - 1)))
        self._refuse("a reset that has not seen the kill", RefusalCode.NOT_SEEN, blind)

    def _from_the_future(self) -> None:
        claimed = self._good_reset(expected_gate_seq=self._rng.choice((self._seq + 1, 2**63 - 1)))
        self._refuse("a reset that claims to have seen what is not yet", RefusalCode.NOT_SEEN, claimed)

    def _on_a_foreign_subject(self) -> None:
        _, body = self._good_reset()
        one = self._rng.choice(("slm", "predict", "nobody"))
        foreign = self._rng.choice((subjects.control("reset", one), subjects.control("reset", "operator9")))
        self._refuse("a reset on another's subject", RefusalCode.SUBJECT_MISMATCH, (foreign, body))

    def _malformed(self) -> None:
        subject, body = self._good_reset()
        bodies = (b"", body[:-1], body + b"\x00", self._rng.randbytes(30), _encode({"command": "reset"}))
        self._refuse("a malformed reset", RefusalCode.MALFORMED, (subject, self._rng.choice(bodies)))

    def _reduce_while_halted(self) -> None:
        reduce = self._people.command("reduce", "operator1")
        self._refuse("a reduce while halted", RefusalCode.NOTHING_TO_RESET, reduce)

    def _one_operator_twice(self) -> None:
        operator = self._rng.choice(world.OPERATORS)
        self._first(operator)
        self._to(self._rng.randint(self._now_ns, self._first_ns + world.SECOND_WITHIN_NS))
        again = self._good_reset(operator)
        self._refuse("a second reset by the first person", RefusalCode.SAME_OPERATOR, again)

    def _second_too_late(self) -> None:
        one, two = self._rng.sample(world.OPERATORS, 2)
        self._first(one)
        self._to(self._first_ns + world.SECOND_WITHIN_NS + self._rng.choice((1, SECOND_NS)))
        answer = self._reset(two)
        self._require("a second reset too late", (answer.is_accepted, answer.waits_for_second), (True, True))
        self._first_operator, self._first_ns = two, self._now_ns
        self._counts["late"] += 1

    def _restarted(self) -> None:
        """A gate that comes back from its snapshot is as killed as it was."""
        self._gate = type(self._gate).from_state(self._gate.state_bytes())
        self._require("a restart while killed", self._gate.is_killed, expected=True)
        self._counts["restarts"] += 1

    # Means

    def _first(self, operator: str) -> None:
        """A first reset by this operator; one that already waits is left to run out."""
        self._to(self._killed_ns + world.COOL_OFF_NS)
        if self._first_operator:
            self._to(self._first_ns + world.SECOND_WITHIN_NS + 1)
        answer = self._reset(operator)
        self._require("a first reset", (answer.is_accepted, answer.waits_for_second), (True, True))
        self._first_operator, self._first_ns = operator, self._now_ns

    def _reset(self, operator: str) -> CommandAnswered:
        return self._command(*self._good_reset(operator))

    def _good_reset(self, operator: str = "", **changed: object) -> tuple[str, bytes]:
        by = operator or self._rng.choice(world.OPERATORS)
        seen = self._rng.choice((self._killed_seq, self._seq))
        return self._people.command("reset", by, **{"expected_gate_seq": seen, **changed})

    def _refuse(self, move: str, code: RefusalCode, command: tuple[str, bytes]) -> None:
        answer = self._command(*command)
        self._require(move, (answer.is_accepted, answer.code), (False, code))
        self._counts[f"refused_{code}"] += 1

    def _require(self, move: str, found: object, expected: object) -> None:
        if found != expected:
            raise KillBroken(self._seq, move, found, expected)

    def _command(self, subject: str, body: bytes) -> CommandAnswered:
        answer = self._send(RecordKind.CONTROL, subject=subject, body=body).answer
        if answer is None:
            raise KillBroken(self._seq, f"a command on {subject}", "no answer", "one answer")
        return answer

    def _intent(self, lots: int) -> Verdict:
        fields = {
            "schema": "intent.v1",
            "symbol": SYMBOL,
            "side": self._rng.choice(("long", "short")),
            "target_notional": (lots + 0.5) * world.lot_money(SYMBOL),
            "urgency": "high",
            "max_slippage_bps": 0,
            "intent_id": self._rng.randbytes(16).hex(),
            "strategy_id": STRATEGY,
            "ts_event_ns": self._now_ns,
            "basis_source": "sim",
            "basis_seq": self._seq,
            "basis_ts_ns": self._now_ns,
        }
        subject = subjects.intent_proposed(STRATEGY, SYMBOL)
        verdict = self._send(RecordKind.INTENT, subject=subject, body=_encode(fields)).verdict
        if verdict is None:
            raise KillBroken(self._seq, "an intent", "no verdict", "one verdict")
        return verdict

    def _later(self, by_ns: int) -> None:
        self._now_ns += by_ns

    def _to(self, ts_ns: int) -> None:
        self._now_ns = max(self._now_ns, ts_ns)

    def _send(self, kind: RecordKind, *, subject: str = "", body: bytes = b"") -> Decision:
        self._seq += 1
        price = world.TRADED[SYMBOL].price_micro
        return self._gate.decide(
            GateRecord(
                seq=self._seq,
                kind=kind,
                gate_ts_ns=self._now_ns,
                body=body,
                subject=subject,
                principal=PRINCIPAL if kind is RecordKind.INTENT else "",
                marks=(MarkChange(SYMBOL, price, self._now_ns, "sim", self._seq),),
                sessions=(SessionChange(SYMBOL, 0, 2**62),),
            )
        )
