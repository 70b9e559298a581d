"""Circuit breakers: one state table, and the counts that drive it.

    CLOSED ──fault, faults_to_open times──▶ OPEN ──cooldown──▶ HALF_OPEN
       ▲                                      ▲                 │    │
       │                                      └─────fault───────┘    │
       └────────────────success, probes_to_close times───────────────┘

A breaker that nobody disturbed is not kept: it is CLOSED.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from contracts.states import BreakerChanged, BreakerName, BreakerState
from risk.gate.rules import BreakerRule

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


class BreakerEvent(StrEnum):
    """What can happen to a breaker."""

    FAULT = "fault"
    SUCCESS = "success"
    COOLDOWN = "cooldown"


class Move(NamedTuple):
    """A row of the state table.

    Attributes:
        state: The next state.
        times: The ``BreakerRule`` field that says how many such events it takes; empty for one.
    """

    state: BreakerState
    times: str = ""


TABLE: dict[tuple[BreakerState, BreakerEvent], Move] = {
    (CLOSED, BreakerEvent.FAULT): Move(OPEN, "faults_to_open"),
    (OPEN, BreakerEvent.COOLDOWN): Move(HALF_OPEN),
    (HALF_OPEN, BreakerEvent.FAULT): Move(OPEN),
    (HALF_OPEN, BreakerEvent.SUCCESS): Move(CLOSED, "probes_to_close"),
}
"""What is not in it has no effect."""

Key = tuple[BreakerName, str]


class Breaker:
    """One breaker away from rest.

    Attributes:
        faults_ns: Gate times of the faults that count, oldest first. Only while CLOSED.
        successes: Probes that went well. Only while HALF_OPEN.
        opened_ns: When it opened. Only while OPEN.
    """

    __slots__ = ("faults_ns", "opened_ns", "state", "successes")

    def __init__(
        self, state: BreakerState, faults_ns: Iterable[int] = (), successes: int = 0, opened_ns: int = 0
    ) -> None:
        self.state = state
        self.faults_ns = deque(faults_ns)
        self.successes = successes
        self.opened_ns = opened_ns

    def forget_faults(self, before_or_at_ns: int) -> None:
        """Drop the faults that are too old to count."""
        while self.faults_ns and self.faults_ns[0] <= before_or_at_ns:
            self.faults_ns.popleft()

    def count(self, event: BreakerEvent, gate_ts_ns: int) -> int:
        """Keep an event that moves nothing yet, and return how many there are now."""
        if event is BreakerEvent.SUCCESS:
            self.successes += 1
            return self.successes
        self.faults_ns.append(gate_ts_ns)
        return len(self.faults_ns)


class Breakers:
    """All breakers of the gate: ``invalid_input`` a principal, ``stale_market`` a symbol.

    Attributes:
        disturbed: Those that are not at rest; read only. Empty on a usual day, and a success then
            moves nothing.
    """

    def __init__(
        self,
        breakers: Iterable[tuple[Key, Breaker]] = (),
        rules: Mapping[str, BreakerRule] | None = None,
        gate_ts_ns: int = 0,
    ) -> None:
        self.disturbed: dict[Key, Breaker] = dict(breakers)
        self._rules: Mapping[str, BreakerRule] = rules or {}
        self._seq = 0
        self._gate_ts_ns = gate_ts_ns
        self._moves: list[BreakerChanged] = []

    def begin(self, seq: int, gate_ts_ns: int) -> None:
        """Start a record: what follows happens at its time, and breakers that cooled down let probes in."""
        self._seq, self._gate_ts_ns = seq, gate_ts_ns
        self._moves.clear()
        for key in sorted(self.disturbed) if self.disturbed else ():
            breaker = self.disturbed[key]
            if breaker.state is OPEN and gate_ts_ns - breaker.opened_ns >= self._rules[key[0]].cooldown_ns:
                self._happen(BreakerEvent.COOLDOWN, key)

    def fault(self, name: BreakerName, key: str) -> None:
        """Something went wrong that this breaker counts."""
        self._happen(BreakerEvent.FAULT, (name, key))

    def success(self, name: BreakerName, key: str) -> None:
        """Something went right that this breaker counts."""
        self._happen(BreakerEvent.SUCCESS, (name, key))

    def is_open(self, name: BreakerName, key: str) -> bool:
        """Whether the breaker lets nothing through."""
        return self.state(name, key) is OPEN

    def state(self, name: BreakerName, key: str) -> BreakerState:
        """The breaker's state; CLOSED where nothing ever happened."""
        breaker = self.disturbed.get((name, key))
        return CLOSED if breaker is None else breaker.state

    def moves(self) -> tuple[BreakerChanged, ...]:
        """What moved in this record, in order."""
        return tuple(self._moves) if self._moves else ()

    def change_rules(self, rules: Mapping[str, BreakerRule]) -> None:
        """Go on by other rules. What the old window has dropped does not come back."""
        self._settle()
        self._rules = rules

    def away_from_rest(self) -> list[tuple[Key, Breaker]]:
        """Every breaker that is not simply CLOSED, sorted. Forgets faults that no longer count."""
        self._settle()
        return sorted(self.disturbed.items(), key=itemgetter(0))

    def _settle(self) -> None:
        for key in list(self.disturbed):
            breaker = self.disturbed[key]
            breaker.forget_faults(self._gate_ts_ns - self._rules[key[0]].window_ns)
            if breaker.state is CLOSED and not breaker.faults_ns:
                del self.disturbed[key]

    def _happen(self, event: BreakerEvent, key: Key) -> None:
        breaker = self.disturbed.get(key)
        state = CLOSED if breaker is None else breaker.state
        move = TABLE.get((state, event))
        if move is None:
            return
        if breaker is None:
            breaker = self.disturbed[key] = Breaker(CLOSED)
        rule = self._rules[key[0]]
        # Before the event is counted: with a window of 0 it still counts itself.
        breaker.forget_faults(self._gate_ts_ns - rule.window_ns)
        count = breaker.count(event, self._gate_ts_ns)
        if count >= (getattr(rule, move.times) if move.times else 1):
            self._move(event, key, state, move.state, count)

    def _move(
        self, event: BreakerEvent, key: Key, previous: BreakerState, state: BreakerState, count: int
    ) -> None:
        if state is CLOSED:
            del self.disturbed[key]
        else:
            self.disturbed[key] = Breaker(state, opened_ns=self._gate_ts_ns if state is OPEN else 0)
        self._moves.append(
            BreakerChanged(
                name=key[0],
                key=key[1],
                previous=previous,
                state=state,
                cause=event.value,
                faults=count if event is BreakerEvent.FAULT else 0,
                gate_seq=self._seq,
                ts_event_ns=self._gate_ts_ns,
            )
        )
