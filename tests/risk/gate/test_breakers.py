"""The breakers' contract: one table, and what the gate feeds it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.limits import Breakers as BreakersLimits
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from contracts.states import BreakerState
from contracts.verdicts import DenyCode
from risk.gate.breakers import TABLE, BreakerEvent, Breakers
from risk.gate.rules import BreakerRule
from tests.risk.gate_records import (
    START_NS,
    Bench,
    make_breaker_limits,
    make_config,
    make_limits,
    make_mark,
    make_symbol_limits,
)

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
RULE = BreakerRule(faults_to_open=3, window_ns=100, cooldown_ns=50, probes_to_close=2)
KEY = ("invalid_input", "predict")


class Driver:
    def __init__(self, rule: BreakerRule = RULE) -> None:
        self.breakers = Breakers(rules={"invalid_input": rule, "stale_market": rule})
        self.seq = 0

    def at(self, now_ns: int, *events: str) -> BreakerState:
        self.seq += 1
        self.breakers.begin(self.seq, now_ns)
        for event in events:
            getattr(self.breakers, event)(*KEY)
        return self.breakers.state(*KEY)


def test_the_table_is_the_pages():
    moves = {(state, event): move.state for (state, event), move in TABLE.items()}

    assert moves == {
        (CLOSED, BreakerEvent.FAULT): OPEN,
        (OPEN, BreakerEvent.COOLDOWN): HALF_OPEN,
        (HALF_OPEN, BreakerEvent.FAULT): OPEN,
        (HALF_OPEN, BreakerEvent.SUCCESS): CLOSED,
    }


def test_opens_at_the_fault_that_makes_the_threshold_and_at_none_before():
    driver = Driver()

    assert driver.at(1, "fault") is CLOSED
    assert driver.at(2, "fault", "success") is CLOSED  # a success while closed forgives nothing
    assert driver.at(3, "fault") is OPEN
    (change,) = driver.breakers.moves()
    assert (change.previous, change.state, change.cause, change.faults) == (CLOSED, OPEN, "fault", 3)
    assert (change.name, change.key, change.gate_seq, change.ts_event_ns) == (*KEY, 3, 3)


@pytest.mark.parametrize(("third_ns", "state"), [(99, OPEN), (100, OPEN), (101, CLOSED)])
def test_a_fault_counts_until_it_is_as_old_as_the_window(third_ns, state):
    driver = Driver()
    driver.at(1, "fault")
    driver.at(50, "fault")

    assert driver.at(third_ns, "fault") is state


@pytest.mark.parametrize(("now_ns", "state"), [(52, OPEN), (53, HALF_OPEN), (54, HALF_OPEN)])
def test_lets_probes_through_as_soon_as_the_cooldown_is_over(now_ns, state):
    driver = Driver()
    driver.at(3, "fault", "fault", "fault")

    assert driver.at(now_ns) is state


def test_faults_while_open_do_not_lengthen_the_cooldown():
    driver = Driver()
    driver.at(3, "fault", "fault", "fault")
    driver.at(40, "fault", "fault")

    assert driver.at(53) is HALF_OPEN


def test_closes_at_the_last_probe_and_forgets_the_faults():
    driver = Driver()
    driver.at(3, "fault", "fault", "fault")

    assert driver.at(53, "success") is HALF_OPEN
    assert driver.at(54, "success") is CLOSED
    assert driver.at(55, "fault", "fault") is CLOSED
    assert driver.at(55, "fault") is OPEN


def test_one_bad_probe_opens_it_again_for_a_whole_cooldown():
    driver = Driver()
    driver.at(3, "fault", "fault", "fault")

    assert driver.at(60, "success", "fault") is OPEN
    assert driver.at(109) is OPEN
    assert driver.at(110, "success") is HALF_OPEN  # the probe before the fault no longer counts
    assert driver.at(110, "success") is CLOSED


def test_a_fault_counts_itself_even_without_a_window():
    rule = RULE._replace(window_ns=0, faults_to_open=1)

    assert Driver(rule).at(1, "fault") is OPEN
    assert Driver(rule._replace(faults_to_open=2)).at(1, "fault", "fault", "fault") is CLOSED


STEPS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["fault", "success", "none"])), max_size=60)


@settings(deadline=None)
@given(STEPS)
def test_only_the_tables_moves_ever_happen_and_each_is_told(steps):
    driver, now_ns, state, told = Driver(), 0, CLOSED, []
    for gap_ns, event in steps:
        now_ns += gap_ns
        driver.at(now_ns, *(() if event == "none" else (event,)))
        told += driver.breakers.moves()
    for change in told:
        assert change.previous is state
        assert TABLE[change.previous, BreakerEvent(change.cause)].state is change.state
        state = change.state
    assert driver.breakers.state(*KEY) is state


@settings(deadline=None)
@given(STEPS)
def test_an_open_breaker_opened_on_enough_faults_and_less_than_a_cooldown_ago(steps):
    driver, now_ns, faults = Driver(), 0, []
    for gap_ns, event in steps:
        now_ns += gap_ns
        if event == "fault":
            faults.append(now_ns)
        if driver.at(now_ns, *(() if event == "none" else (event,))) is OPEN:
            assert sum(now_ns - RULE.cooldown_ns < ts for ts in faults) >= 1
            assert len(faults) >= RULE.faults_to_open


def states(bench: Bench) -> dict[tuple[str, str], BreakerState]:
    return {(name, key): state for name, key, state in bench.gate.breakers()}


def with_breakers(**overrides):
    limits = make_breaker_limits(**overrides)
    return make_config(make_limits(breakers=BreakersLimits(invalid_input=limits, stale_market=limits)))


def test_the_gate_lists_the_breakers_of_symbols_with_limits_even_when_nothing_ever_happened():
    assert Bench().gate.breakers() == [
        ("stale_market", symbol, CLOSED) for symbol in ("BAN", "EUR", "FUT", "NEW")
    ]


def test_a_body_without_an_identity_is_a_fault_too():
    bench = Bench()

    bench.send(b"")
    bench.send(b"\xc1")
    decision = bench.send(b"not msgpack")

    assert decision.verdict is None
    assert states(bench)["invalid_input", "predict"] is OPEN


def test_a_principal_recovers_by_intents_that_are_well_formed_whatever_else_denies_them():
    bench = Bench()
    for _ in range(3):
        bench.send(b"")
    bench.advance(30_000)
    assert states(bench)["invalid_input", "predict"] is HALF_OPEN

    first = bench.propose(target_notional=1.0)
    second = bench.propose(target_notional=1.0)

    assert first.verdict is not None
    assert first.verdict.code is DenyCode.LOTS_ZERO
    assert [change.state for change in second.breakers] == [CLOSED]
    assert ("invalid_input", "predict") not in states(bench)


def test_an_intent_that_opens_a_half_open_breaker_is_denied_by_its_own_fault():
    bench = Bench()
    for _ in range(3):
        bench.send(b"")
    bench.advance(30_000)

    decision = bench.propose(side="flat")

    assert decision.verdict is not None
    assert decision.verdict.code is DenyCode.SIDE_CONTRADICTS
    assert [(change.previous, change.state) for change in decision.breakers] == [(HALF_OPEN, OPEN)]


def test_timers_find_silent_markets_only_where_there_are_limits_a_mark_and_a_session():
    bench = Bench(with_breakers(faults_to_open=1))
    bench.timer(marks=(make_mark("BARE"), make_mark("NEW"), make_mark("EUR")))
    bench.advance(5_000, with_mark=False)
    assert set(states(bench).values()) == {CLOSED}  # exactly as old as allowed

    bench.now_ns += 1
    decision = bench.timer()

    # BARE has no limits, NEW no session, BAN no mark; in the order of their names.
    assert [(change.name, change.key) for change in decision.breakers] == [
        ("stale_market", "EUR"),
        ("stale_market", "FUT"),
    ]


def test_intents_on_a_missing_or_stale_mark_are_faults_and_fresh_ones_heal():
    bench = Bench(with_breakers(faults_to_open=2, probes_to_close=1), has_mark=False)
    bench.propose()
    bench.propose()
    assert states(bench)["stale_market", "FUT"] is OPEN

    bench.advance(30_000)
    decision = bench.propose(basis_ts_ns=0)

    assert decision.verdict is not None
    assert decision.verdict.code is DenyCode.BASIS_STALE  # the mark itself was fresh
    assert [change.state for change in decision.breakers] == [CLOSED]


def test_a_breaker_survives_its_symbols_absence_from_the_limits_and_is_not_asked_meanwhile():
    bench = Bench(with_breakers(faults_to_open=1), has_mark=False)
    bench.propose()
    without = make_limits(per_symbol={"EUR": make_symbol_limits()})
    bench.configure(make_config(without))
    denied = bench.propose().verdict
    assert denied is not None
    assert denied.code is DenyCode.LIMITS_MISSING

    bench.configure(make_config())

    verdict = bench.propose().verdict
    assert verdict is not None
    assert verdict.code is DenyCode.BREAKER_STALE_MARKET


def test_another_window_does_not_bring_back_faults_that_no_longer_counted():
    bench = Bench(with_breakers(window_ms=10))
    bench.send(b"")
    bench.send(b"")
    bench.now_ns = START_NS + 10 * MILLISECOND_NS
    bench.configure(with_breakers(window_ms=60_000))

    bench.send(b"")

    assert states(bench)["invalid_input", "predict"] is CLOSED
    bench.now_ns += SECOND_NS
    bench.send(b"")
    assert bench.send(b"").breakers[0].faults == 3


def test_a_missing_mark_is_a_fault_only_where_nothing_denied_before_it():
    bench = Bench(with_breakers(faults_to_open=1), has_mark=False)

    bench.propose(record={"is_audit_ok": False})

    assert states(bench)["stale_market", "FUT"] is CLOSED
