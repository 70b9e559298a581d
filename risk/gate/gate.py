"""The gate: one record in, one decision out, and nothing else has a say.

``risk/gate/README.md`` is the specification; ``decide`` follows its steps in their order.
"""

from typing import NoReturn

from msgspec.structs import replace

from contracts.codec import Undecodable, decode
from contracts.control import CommandAnswered
from contracts.gate import Fill, GateRecord, MarkChange, RecordKind
from contracts.intents import Intent
from contracts.limits import GateConfig
from contracts.operations import DeadCause
from contracts.scalars import INT64_MAX
from contracts.states import BreakerName, BreakerState, TradingState, TradingStateChanged
from contracts.subjects import Proposed
from contracts.verdicts import DenyCode, Outcome, Verdict
from risk.book.approvals import Approval
from risk.book.digests import digest_of
from risk.errors import InvariantViolated
from risk.gate import snapshot
from risk.gate.chain import link, link_intent
from risk.gate.checks import UNAUDITED, UNDECODABLE
from risk.gate.commands import obey
from risk.gate.decision import Decision
from risk.gate.examination import Finding, examine
from risk.gate.intake import intent_address, read_intent, shown_intent_id
from risk.gate.rules import Rules
from risk.gate.state import GateState

# Looked up once: in this Python an enum member costs a call.
_APPROVED, _DENIED = Outcome.APPROVED, Outcome.DENIED
_CONFIG, _INTENT = RecordKind.CONFIG, RecordKind.INTENT


class Gate:
    """Answers each intent with one verdict. Synchronous, without clock, I/O or randomness.

    An exception out of ``decide`` leaves a gate that decides nothing more: a record was applied
    in part, and no later answer could be trusted.
    """

    def __init__(self) -> None:
        self._state = GateState()
        self._is_broken = False

    def decide(self, record: GateRecord, epoch: int = 0) -> Decision:
        """Apply one record: the only thing that changes a gate.

        Args:
            record: The next of the journal, already written and synced.
            epoch: Which start of the gate this is; copied into the verdict, never hashed.

        Raises:
            InvariantViolated: the record breaks what the service must keep, or an earlier one did.
        """
        self._assert_whole()
        self._is_broken = True  # until the record is wholly applied
        rules = self._begin(record)
        if record.kind is _INTENT:
            decision = self._answer_intent(record, rules, epoch)
        else:
            decision = self._apply(record, rules)
        self._is_broken = False
        return decision

    def deny_unaudited(self, record: GateRecord, epoch: int = 0) -> Verdict | None:
        """The answer to an intent whose record could not be written: denied, and no state changes.

        None where the body shows no identity to answer, or the subject is no intent's. The
        caller keeps the identity and names it in the next record's ``denied_unaudited``.
        """
        address = intent_address(record.subject)
        intent_id = shown_intent_id(record.body)
        if address is None or intent_id is None:
            return None
        return Verdict(
            intent_id=intent_id,
            principal=record.principal,
            strategy_id=address.strategy_id,
            symbol=address.symbol,
            outcome=_DENIED,
            code=DenyCode.AUDIT_UNAVAILABLE,
            checks=UNAUDITED.checks,
            lots=0,
            target_lots=0,
            mark_price_micro=0,
            mark_source="",
            mark_seq=0,
            gate_seq=0,
            gate_ts_ns=record.gate_ts_ns,
            expires_ts_ns=0,
            chain="",
            epoch=epoch,
        )

    def known(self, principal: str, intent_id: str) -> int | None:
        """The sequence of the record that this identity was first answered at.

        0 where it was denied without being journaled; None where it is new.
        """
        return self._state.identities.get(_identity(principal, intent_id))

    @property
    def seq(self) -> int:
        """The last record's sequence; 0 before the first."""
        return self._state.seq

    @property
    def chain(self) -> str:
        """The hash chain after the last record, 64 hexadecimal digits."""
        return self._state.chain.hex()

    @property
    def gate_ts_ns(self) -> int:
        """Gate time (rule R4)."""
        return self._state.gate_ts_ns

    @property
    def trading_state(self) -> TradingState:
        return self._state.trading.state

    @property
    def is_killed(self) -> bool:
        """Whether the kill switch is latched."""
        return self._state.trading.is_killed

    @property
    def is_broken(self) -> bool:
        """Whether an invariant was violated: it decides nothing more."""
        return self._is_broken

    @property
    def config(self) -> GateConfig | None:
        """The configuration in force; None before the first record."""
        return None if self._state.rules is None else self._state.rules.config

    def marks(self) -> list[MarkChange]:
        """The newest journaled mark of each symbol that has one."""
        return list(self._state.market.marks.values())

    def breakers(self) -> list[tuple[BreakerName, str, BreakerState]]:
        """Name, key and state of every breaker that is away from rest, and of each symbol's with limits."""
        states = {key: breaker.state for key, breaker in self._state.breakers.away_from_rest()}
        for symbol in [] if self._state.rules is None else self._state.rules.limited_symbols:
            states.setdefault(("stale_market", symbol), BreakerState.CLOSED)
        return [(name, key, state) for (name, key), state in sorted(states.items())]

    def state_bytes(self) -> bytes:
        """The state in canonical form: equal for two gates in the same state."""
        self._assert_whole()
        return snapshot.to_bytes(self._state)

    def state_hash(self) -> str:
        """BLAKE2b-256 of ``state_bytes``."""
        return snapshot.digest_of_bytes(self.state_bytes())

    def limits_hash(self) -> str:
        """BLAKE2b-256 of the configuration in force."""
        return snapshot.digest_of_config(self.config)

    @classmethod
    def from_state(cls, data: bytes) -> "Gate":
        """A gate in the state that ``state_bytes`` wrote. Raises InvariantViolated on other bytes."""
        gate = cls()
        gate._state = snapshot.from_bytes(data)
        return gate

    def _assert_whole(self) -> None:
        if self._is_broken:
            raise InvariantViolated("a gate decides only while whole", "halted", "whole", self._state.seq)

    def _begin(self, record: GateRecord) -> Rules:
        """Steps 1 to 3: what every record brings, whatever its kind; and ``config``, which rules the rest."""
        state, now_ns = self._state, record.gate_ts_ns
        if record.seq != state.seq + 1:
            self._violated("records have no hole", record.seq, state.seq + 1)
        if not state.gate_ts_ns <= now_ns <= INT64_MAX:
            self._violated("gate time never decreases", now_ns, f"at least {state.gate_ts_ns}")
        state.seq, state.gate_ts_ns = record.seq, now_ns
        rules = state.rules
        state.cutoff_ns = cutoff_ns = -1 if rules is None else now_ns - rules.collar_window_ns
        for mark in record.marks:
            if mark.ts_event_ns > now_ns:
                self._violated("no mark lies after gate time", mark.ts_event_ns, f"at most {now_ns}")
            state.market.take_mark(mark, cutoff_ns)
        for session in record.sessions:
            state.market.sessions[session.symbol] = session
        for denied in record.denied_unaudited:
            state.identities.add(_identity(denied.principal, denied.intent_id), 0)
        state.approvals.lapse(now_ns)
        state.breakers.begin(record.seq, now_ns)
        if rules is not None and state.trading.pending is not None:
            state.trading.begin(now_ns, rules.second_within_ns)
        if record.kind is _CONFIG:
            return self._configured(record)
        if rules is None:
            self._violated("the first record is config", record.kind, "config")
        return rules

    def _apply(self, record: GateRecord, rules: Rules) -> Decision:
        """Steps 4 and 5 for everything but an intent."""
        answer: CommandAnswered | None = None
        change: TradingStateChanged | None = None
        dead_detail = ""
        if record.kind == RecordKind.CONTROL:
            answer, change = obey(self._state.trading, rules, record)
        elif record.kind == RecordKind.FILL:
            dead_detail = self._take_fill(record)
        elif record.kind == RecordKind.TIMER:
            self._look_for_stale_marks(record, rules)
        self._state.chain = link(self._state.chain, record, answer)
        return Decision(
            answer=answer,
            trading_state=change,
            breakers=self._state.breakers.moves(),
            dead_cause=DeadCause.UNDECODABLE if dead_detail else None,
            dead_detail=dead_detail,
        )

    def _answer_intent(self, record: GateRecord, rules: Rules, epoch: int) -> Decision:
        """Steps 4 and 5 for an intent."""
        intent, found = read_intent(record.body)
        address = intent_address(record.subject)
        intent_id = shown_intent_id(record.body) if intent is None else intent.intent_id
        if address is None or intent_id is None:
            return self._bury(record, intent, address, found)
        first = self._state.identities.add(_identity(record.principal, intent_id), record.seq)
        if first is not None:
            self._violated("an identity is decided once", f"{intent_id} again", f"only at {first}")
        if intent is None:
            self._state.breakers.fault("invalid_input", record.principal)
            finding = Finding(UNDECODABLE.checks, UNDECODABLE.view)
        else:
            finding = examine(self._state, rules, record, intent, address)
        verdict = self._verdict(
            record, address, finding, intent_id, epoch, 0 if intent is None else intent.ts_recv_ns
        )
        if finding.lots:
            self._state.approvals.open(
                Approval(
                    record.principal,
                    intent_id,
                    address.strategy_id,
                    address.symbol,
                    finding.lots,
                    verdict.expires_ts_ns,
                )
            )
        self._state.chain = link_intent(self._state.chain, record, intent, verdict, finding.view)
        return Decision(
            verdict=replace(verdict, chain=self._state.chain.hex()), breakers=self._state.breakers.moves()
        )

    def _verdict(  # noqa: PLR0917  # by position, for speed
        self,
        record: GateRecord,
        address: Proposed,
        finding: Finding,
        intent_id: str,
        epoch: int,
        basis_recv_ns: int,
    ) -> Verdict:
        """The answer by these checks, at the symbol's mark; a denial by the last unless there are lots."""
        rules, lots = self._state.rules, finding.lots
        ttl_ns = 0 if rules is None else rules.approval_ttl_ns
        mark = self._state.market.marks.get(address.symbol)
        return Verdict(
            intent_id=intent_id,
            principal=record.principal,
            strategy_id=address.strategy_id,
            symbol=address.symbol,
            outcome=_APPROVED if lots else _DENIED,
            code=None if lots else finding.checks[-1].code,
            checks=finding.checks,
            lots=lots,
            target_lots=finding.target_lots,
            mark_price_micro=0 if mark is None else mark.price_micro,
            mark_source="" if mark is None else mark.source,
            mark_seq=0 if mark is None else mark.seq,
            gate_seq=record.seq,
            gate_ts_ns=record.gate_ts_ns,
            expires_ts_ns=record.gate_ts_ns + ttl_ns if lots else 0,
            chain="",
            epoch=epoch,
            basis_recv_ns=basis_recv_ns,
        )

    def _bury(
        self, record: GateRecord, intent: Intent | None, address: Proposed | None, found: str
    ) -> Decision:
        """A body that nobody can be answered for: a dead letter, and a fault all the same."""
        self._state.breakers.fault("invalid_input", record.principal)
        self._state.chain = link_intent(self._state.chain, record, intent)
        is_elsewhere = address is None
        return Decision(
            breakers=self._state.breakers.moves(),
            dead_cause=DeadCause.SUBJECT_MISMATCH if is_elsewhere else DeadCause.UNDECODABLE,
            dead_detail=f"{record.subject!r} is no intent's subject" if is_elsewhere else found,
        )

    def _take_fill(self, record: GateRecord) -> str:
        """Apply a fill; what was found where it does not decode, else empty."""
        try:
            fill = decode(Fill, record.body)
        except Undecodable as error:
            return error.detail
        state = self._state
        if state.fills.add(digest_of(fill.fill_id), record.seq) is None:
            state.positions.fill(fill.strategy_id, fill.symbol, fill.lots)
            state.approvals.fill(fill.principal, fill.intent_id, fill.strategy_id, fill.symbol, fill.lots)
        return ""

    def _look_for_stale_marks(self, record: GateRecord, rules: Rules) -> None:
        market, now_ns = self._state.market, record.gate_ts_ns
        for symbol in rules.limited_symbols:
            mark = market.marks.get(symbol)
            if mark is None or not market.is_open(symbol, now_ns):
                continue
            if now_ns - mark.ts_event_ns > rules.mark_age_ns_max:
                self._state.breakers.fault("stale_market", symbol)

    def _configured(self, record: GateRecord) -> Rules:
        state = self._state
        try:
            rules = Rules(decode(GateConfig, record.body))
        except ValueError as error:  # Undecodable is one
            raise InvariantViolated(
                "a config record holds a configuration", error, "gate_config.v1", record.seq
            ) from error
        state.market.settle(state.cutoff_ns)  # what the old window dropped stays dropped
        state.breakers.change_rules(rules.breakers)
        state.rules, state.cutoff_ns = rules, record.gate_ts_ns - rules.collar_window_ns
        return rules

    def _violated(self, rule: str, found: object, expected: object) -> NoReturn:
        raise InvariantViolated(rule, found, expected, self._state.seq)


def _identity(principal: str, intent_id: str) -> bytes:
    return digest_of(f"{principal}\0{intent_id}")
