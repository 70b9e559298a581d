"""The adversary: an endless sequence of records for one gate."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from contracts import codec, subjects
from contracts.gate import DeniedUnaudited, GateRecord, MarkChange, RecordKind, SessionChange
from contracts.limits import GateConfig
from services.prove.hostile import spoil, world
from services.prove.hostile.aim import Aim, money_near
from services.prove.hostile.feed import Feed
from services.prove.hostile.fills import Fills
from services.prove.hostile.people import People
from services.prove.hostile.spoil import Fields
from services.prove.hostile.wishes import Wishes
from services.prove.oracle import Oracle, numbers

_encode = msgspec.msgpack.Encoder().encode


class Again(Struct, frozen=True, kw_only=True):
    """An intent whose identity was recorded before is delivered again: it must be known."""

    principal: str
    intent_id: str


@dataclass(frozen=True, slots=True)
class Moment:
    """When the next record is, and what the market shows it."""

    now_ns: int
    marks: tuple[MarkChange, ...] = ()
    sessions: tuple[SessionChange, ...] = ()


Item = GateRecord | Again
Step = Callable[[], Item]

_SPOILED_SHARE: Final = {"predict": 0.006, "drill": 0.05, "slm": 0.5}
"""How often each principal sends something that is no intent; the last one's breaker is rarely closed."""


class Adversary:
    """Makes the next record from the seed and from what the oracle made of the ones before.

    Whoever drives it lets the oracle judge each record before asking for the next.
    """

    def __init__(self, rng: random.Random, oracle: Oracle) -> None:
        self._rng, self._oracle = rng, oracle
        self._aim = Aim(oracle)
        self._feed = Feed(rng)
        self._people = People(rng)
        self._wishes = Wishes(rng, self._aim)
        self._fills = Fills(rng, oracle)
        self._config = world.configuration()
        self._plan: deque[Step] = deque([self._first])
        self._seq = 0
        self._audit_down = 0
        self._denied_unaudited: list[DeniedUnaudited] = []
        self._identities: list[tuple[str, str]] = []
        self._unaudited: list[tuple[str, str]] = []

    def next(self) -> Item:
        """One more record, or a redelivery."""
        if self._plan:
            return self._plan.popleft()()
        if self._oracle.desk.state != "ACTIVE":
            recovers = 0.3 if self._oracle.desk.is_killed else 0.06
            if self._rng.random() < recovers:
                return self._towards_reset()
        steps, weights = zip(*self._menu(), strict=True)
        step: Step = self._rng.choices(steps, weights)[0]
        return step()

    def _menu(self) -> tuple[tuple[Step, float], ...]:
        return (
            (self._honest, 450),
            (self._at_a_limit, 190),
            (self._out_of_place, 70),
            (self._repeated, 22),
            (self._odd, 40),
            (self._tailored, 14),
            (self._at_an_instant, 22),
            (self._fill, 120),
            (self._timer, 30),
            (self._again, 6),
            (self._abuse, 2),
            (self._kill, 0.7),
            (self._reduce, 0.9),
            (self._burst, 0.6),
            (self._at_a_window, 0.8),
            (self._audit_fails, 0.6),
            (self._worthless_mark, 0.8),
            (self._other_rules, 1.5),
        )

    def _first(self) -> GateRecord:
        self._plan.extend([self._everything_fresh])
        return self._configured(self._config)

    def _everything_fresh(self) -> GateRecord:
        marks, sessions = self._feed.all_marks(), self._feed.sessions()
        return self._record(RecordKind.TIMER, Moment(self._feed.now_ns, marks, sessions))

    # Intents

    def _honest(self) -> GateRecord:
        moment = self._now()
        strategy_id, symbol = self._wishes.pair()
        price = self._aim.price(symbol, moment.marks)
        return self._intent(moment, self._wishes.honest(strategy_id, symbol, price, moment.now_ns))

    def _at_a_limit(self) -> GateRecord:
        strategy_id, symbol = self._wishes.pair()
        moment = self._now(without=symbol)
        wishes, price, now_ns = self._wishes, self._aim.price(symbol), moment.now_ns

        def honest() -> Fields:
            return wishes.honest(strategy_id, symbol, price, now_ns)

        aimed: tuple[Callable[[], Fields], ...] = (
            lambda: wishes.at_lot_edge(strategy_id, symbol, price, now_ns),
            lambda: wishes.at_order_edge(strategy_id, symbol, price, now_ns),
            lambda: wishes.at_order_edge(strategy_id, symbol, price, now_ns),
            lambda: wishes.at_strategy_edge(strategy_id, symbol, now_ns),
            lambda: wishes.near_flat(strategy_id, symbol, price, now_ns),
            lambda: wishes.with_edge_slippage(honest(), symbol),
            lambda: wishes.with_edge_slippage(honest(), symbol),
            lambda: wishes.with_edge_basis(honest(), now_ns),
            lambda: wishes.contradictory(honest()),
        )
        return self._intent(moment, self._rng.choice(aimed)())

    def _out_of_place(self) -> GateRecord:
        moment = self._now()
        return self._intent(moment, self._wishes.out_of_place(moment.now_ns))

    def _repeated(self) -> GateRecord:
        moment = self._now()
        fields = self._wishes.repeated(moment.now_ns)
        return self._intent(moment, fields) if fields else self._timer()

    def _odd(self) -> GateRecord:
        moment = self._now()
        strategy_id, symbol = self._wishes.pair()
        price = self._aim.price(symbol, moment.marks)
        fields = self._wishes.honest(strategy_id, symbol, price, moment.now_ns)
        if self._rng.random() < 0.3:
            return self._intent(moment, fields, subject=self._wrong_subject(fields))
        return self._intent(moment, fields, body=spoil.odd_but_good(self._rng, fields))

    def _wrong_subject(self, fields: Fields) -> str:
        good = _subject(fields)
        wrong = (
            subjects.intent_proposed("delta", str(fields["symbol"])),
            subjects.intent_proposed(str(fields["strategy_id"]), "NOPE"),
            subjects.verdict(str(fields["strategy_id"]), str(fields["symbol"])),
            f"{good}.x",
            good.rpartition(".")[0],
            good.replace("~2E", "~2e"),
            good.lower(),
            "",
        )
        return self._rng.choice(wrong)

    def _burst(self) -> Item:
        principal = self._rng.choice(world.PRINCIPALS)
        self._plan.extend([lambda: self._garbage(principal)] * self._rng.randint(3, 6))
        return self._garbage(principal)

    def _garbage(self, principal: str, at: Moment | None = None) -> GateRecord:
        moment = at or self._now()
        fields = self._wishes.out_of_place(moment.now_ns)
        return self._intent(moment, fields, body=spoil.spoiled(self._rng, fields), principal=principal)

    def _at_a_window(self) -> Item:
        """One fault too few, and the one that is missing just when the first stops counting."""
        rules, principal = self._oracle.rules, self._rng.choice(world.PRINCIPALS)
        rule = rules.breakers["invalid_input"] if rules else None
        first_ns = self._feed.jump(self._feed.now_ns + 2 * world.MARK_AGE_NS)

        def missing() -> GateRecord:
            now_ns = self._feed.jump(first_ns + (rule.window_ns if rule else 0) + self._rng.choice((-1, 0)))
            return self._garbage(principal, Moment(now_ns))

        faults = [lambda: self._garbage(principal, Moment(first_ns))] * (
            rule.faults_to_open - 1 if rule else 0
        )
        self._plan.extend([*faults, missing, self._everything_fresh])
        return self._everything_fresh()

    def _again(self) -> Item:
        known = self._unaudited if self._unaudited and self._rng.random() < 0.3 else self._identities
        if not known:
            return self._timer()
        principal, intent_id = self._rng.choice(known)
        return Again(principal=principal, intent_id=intent_id)

    # Edges that take two records, or a moment of their own

    def _tailored(self) -> Item:
        strategy_id, symbol = self._wishes.pair()
        now_ns, price = self._feed.now_ns, self._aim.price(symbol)
        change = self._rng.choice((-1, 1)) * self._rng.randint(1, 5)
        worst = self._aim.worst(symbol, 1 if change > 0 else -1, now_ns) + abs(change)
        lot = self._aim.lot(symbol, price)
        order = money_near(self._rng, numbers.product(lot, abs(change)))
        position = money_near(self._rng, numbers.product(lot, worst))
        target = abs(self._aim.held(strategy_id, symbol, now_ns) + change) + Decimal("0.25")
        largest = money_near(self._rng, numbers.product(lot, target))
        configs = (
            world.with_symbol_limit(self._config, symbol, "order_notional_max", order),
            world.with_symbol_limit(self._config, symbol, "position_notional_max", position),
            world.with_target_limit(self._config, strategy_id, largest),
        )
        still = Moment(now_ns)

        def aimed() -> GateRecord:
            return self._intent(still, self._wishes.at_lots(strategy_id, symbol, change, price, now_ns))

        self._plan.extend([aimed, lambda: self._configured(self._config)])
        return self._configured(self._rng.choice(configs))

    def _at_an_instant(self) -> Item:
        strategy_id, symbol = self._wishes.pair()
        before, nudge = self._feed.now_ns, self._rng.choice((-1, 0, 1))
        mark = self._oracle.market.mark(symbol)
        instants = [*self._aim.expiries(before)[:3], *self._aim.breaker_edges(before)[:2]]
        if mark and self._rng.random() < 0.15:
            instants = [mark.ts_event_ns + world.MARK_AGE_NS]
        sessions: tuple[SessionChange, ...] = ()
        if self._rng.random() < 0.25:
            self._plan.append(lambda: self._reopened(symbol))
            sessions = (self._feed.session_edge(symbol),)
        elif instants:
            self._feed.jump(self._rng.choice(instants) + nudge)
        moment = Moment(self._feed.now_ns, (), sessions)
        if self._feed.now_ns - before > world.MARK_AGE_NS // 2:
            self._plan.append(self._everything_fresh)
        if self._rng.random() < 0.3:
            return self._record(RecordKind.TIMER, moment)
        price = self._aim.price(symbol)
        return self._intent(moment, self._wishes.near_flat(strategy_id, symbol, price, moment.now_ns))

    def _reopened(self, symbol: str) -> GateRecord:
        sessions = (self._feed.always_open(symbol),)
        return self._record(RecordKind.TIMER, Moment(self._feed.now_ns, (), sessions))

    def _worthless_mark(self) -> Item:
        strategy_id, symbol = self._wishes.pair()
        now_ns, price = self._feed.step(), self._aim.price(symbol)
        moment = Moment(now_ns, (self._feed.worthless(symbol),))
        self._plan.append(self._everything_fresh)
        return self._intent(moment, self._wishes.honest(strategy_id, symbol, price, now_ns))

    def _other_rules(self) -> GateRecord:
        self._config = world.other_rules(self._rng)
        return self._configured(self._config)

    # Everything that is no intent

    def _fill(self) -> GateRecord:
        return self._record(RecordKind.FILL, self._now(), body=self._fills.body(self._feed.now_ns))

    def _timer(self) -> GateRecord:
        return self._record(RecordKind.TIMER, self._now())

    def _kill(self) -> GateRecord:
        moment = self._now()
        return self._control(moment, self._people.kill(moment.now_ns))

    def _reduce(self) -> GateRecord:
        operator = self._rng.choice(world.OPERATORS)
        return self._control(self._now(), self._people.command("reduce", operator))

    def _abuse(self) -> GateRecord:
        moment = self._now()
        return self._control(moment, self._people.abuse(moment.now_ns, self._oracle.desk.stopped_seq))

    def _towards_reset(self) -> GateRecord:
        luck = self._rng.random()
        if luck < 0.4:
            return self._kill() if luck < 0.06 else self._abuse()
        desk = self._oracle.desk
        if self._rng.random() < 0.6:
            edge = (desk.killed_ns or 0) + world.COOL_OFF_NS
            if desk.first:
                edge = desk.first.gate_ts_ns + world.SECOND_WITHIN_NS
                self._plan.append(self._everything_fresh)
            self._feed.jump(edge + self._rng.choice((-1, 0, 0, 1)))
        operator = self._rng.choice(world.OPERATORS)
        seen = self._rng.choice((desk.stopped_seq, desk.stopped_seq, self._seq, self._seq + 1, 2**63 - 1))
        return self._control(self._now(), self._people.command("reset", operator, expected_gate_seq=seen))

    def _audit_fails(self) -> GateRecord:
        self._audit_down = self._rng.randint(5, 40)
        for _ in range(self._rng.randint(0, 3)):
            denied = DeniedUnaudited(self._rng.choice(world.PRINCIPALS), self._rng.randbytes(16).hex())
            self._denied_unaudited.append(denied)
            self._unaudited.append((denied.principal, denied.intent_id))
        return self._timer()

    # Records

    def _now(self, *, without: str = "") -> Moment:
        now_ns = self._feed.step()
        return Moment(now_ns, self._feed.marks(without=without))

    def _configured(self, config: GateConfig) -> GateRecord:
        return self._record(RecordKind.CONFIG, Moment(self._feed.now_ns), body=codec.encode(config))

    def _control(self, moment: Moment, command: tuple[str, bytes]) -> GateRecord:
        subject, body = command
        return self._record(RecordKind.CONTROL, moment, subject=subject, body=body)

    def _intent(
        self,
        moment: Moment,
        fields: Fields,
        *,
        subject: str | None = None,
        body: bytes | None = None,
        principal: str = "",
    ) -> GateRecord:
        principal = principal or self._rng.choices(world.PRINCIPALS, (80, 15, 5))[0]
        if body is None:
            is_spoiled = self._rng.random() < _SPOILED_SHARE[principal]
            body = spoil.spoiled(self._rng, fields) if is_spoiled else _encode(fields)
        self._remember(principal, str(fields["intent_id"]))
        return self._record(
            RecordKind.INTENT,
            moment,
            body=body,
            subject=_subject(fields) if subject is None else subject,
            principal=principal,
        )

    def _remember(self, principal: str, intent_id: str) -> None:
        # Bounded: what is kept to be sent again need not grow with the run.
        if len(self._identities) >= 10_000:
            self._identities[self._rng.randrange(10_000)] = (principal, intent_id)
        else:
            self._identities.append((principal, intent_id))

    def _record(
        self,
        kind: RecordKind,
        moment: Moment,
        *,
        body: bytes = b"",
        subject: str = "",
        principal: str = "",
    ) -> GateRecord:
        self._seq += 1
        denied, self._denied_unaudited = tuple(self._denied_unaudited), []
        is_audit_ok = self._audit_down == 0
        self._audit_down = max(0, self._audit_down - 1)
        return GateRecord(
            seq=self._seq,
            kind=kind,
            gate_ts_ns=moment.now_ns,
            body=body,
            subject=subject,
            principal=principal,
            stream="INTENTS" if kind is RecordKind.INTENT else "",
            stream_seq=self._seq,
            marks=moment.marks,
            sessions=moment.sessions,
            is_audit_ok=is_audit_ok,
            denied_unaudited=denied,
        )


def _subject(fields: Fields) -> str:
    return subjects.intent_proposed(str(fields["strategy_id"]), str(fields["symbol"]))
