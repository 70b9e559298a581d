"""Snapshot + tail equals the uninterrupted chain, and equal states have equal bytes (rule R9)."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.codec import encode
from contracts.limits import Breakers
from contracts.scalars import MILLISECOND_NS
from contracts.states import BreakerState
from risk.gate import Gate, InvariantViolated
from tests.risk.gate_records import (
    LOT_MONEY,
    Bench,
    make_breaker_limits,
    make_config,
    make_fill,
    make_intent,
    make_limits,
    make_mark,
    make_symbol_limits,
)

ROOT = Path(__file__).parents[3]
BREAKER = make_breaker_limits(faults_to_open=2, window_ms=900, cooldown_ms=400, probes_to_close=2)
CONFIGS = [
    make_config(
        make_limits(
            breakers=Breakers(invalid_input=BREAKER, stale_market=BREAKER),
            collar_window_ms=window_ms,
            mark_age_ms_max=800,
            approval_ttl_ms=1_000,
            per_symbol={symbol: make_symbol_limits() for symbol in symbols},
        )
    )
    for window_ms, symbols in ((500, ("FUT", "EUR")), (5_000, ("FUT",)))
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "propose",
                "propose",
                "propose",
                "garbage",
                "fill",
                "mark",
                "timer",
                "kill",
                "reset",
                "reduce",
                "config",
            ]
        ),
        st.integers(0, 400),
        st.integers(0, 7),
    ),
    min_size=1,
    max_size=40,
)


def act(bench: Bench, step: tuple[str, int, int]) -> None:
    kind, gap_ms, number = step
    bench.now_ns += gap_ms * MILLISECOND_NS
    match kind:
        case "propose":
            side = ("long", "short", "flat", "long")[number % 4]
            target = 0.0 if side == "flat" else number * LOT_MONEY + 1.5
            principal = ("predict", "drill")[number // 4]
            bench.propose(side=side, target_notional=target, principal=principal, basis_seq=number)
        case "garbage":
            bench.send(b"" if number % 2 else encode(make_intent(10_000 + bench.gate.seq, side="up")))
        case "fill":
            bench.fill(make_fill(make_intent(number), number - 3, number))
        case "mark":
            price = 100_000_000 + (number - 3) * 100_000
            bench.timer(
                marks=(make_mark(price_micro=price, ts_event_ns=bench.now_ns - number * MILLISECOND_NS),)
            )
        case "timer":
            bench.timer()
        case "config":
            bench.configure(CONFIGS[number % 2])
        case _:
            bench.command(kind, ("operator1", "operator2")[number % 2])


@settings(max_examples=60, deadline=None)
@given(STEPS, st.data())
def test_snapshot_and_tail_give_the_same_decisions_chain_and_state_as_the_whole_journal(steps, data):
    bench = Bench(CONFIGS[0])
    for step in steps:
        act(bench, step)
    cut = data.draw(st.integers(0, len(bench.records)))

    whole, head = Gate(), Gate()
    expected = [whole.decide(record) for record in bench.records]
    for record in bench.records[:cut]:
        head.decide(record)
    resumed = Gate.from_state(head.state_bytes())
    decisions = [resumed.decide(record) for record in bench.records[cut:]]

    assert decisions == expected[cut:]
    assert resumed.chain == whole.chain == bench.gate.chain
    assert resumed.state_bytes() == whole.state_bytes() == bench.gate.state_bytes()
    assert resumed.breakers() == whole.breakers()
    assert resumed.state_hash() == whole.state_hash()
    assert resumed.limits_hash() == whole.limits_hash()


@settings(max_examples=20, deadline=None)
@given(STEPS)
def test_taking_a_snapshot_changes_nothing(steps):
    watched, left_alone = Bench(CONFIGS[0]), Bench(CONFIGS[0])
    for step in steps:
        act(watched, step)
        act(left_alone, step)
        assert watched.gate.state_bytes() == Gate.from_state(watched.gate.state_bytes()).state_bytes()

    assert watched.gate.state_bytes() == left_alone.gate.state_bytes()


def test_what_no_longer_counts_is_not_in_the_state():
    """Two histories: one had an approval, a fault and marks that are gone by now."""
    busy, quiet = Bench(CONFIGS[0]), Bench(CONFIGS[0])
    busy.gate._state.positions.fill("trend", "FUT", 3)
    busy.gate._state.positions.fill("trend", "FUT", -3)
    busy.gate._state.breakers.fault("stale_market", "FUT")
    for bench in (busy, quiet):
        bench.advance(1_000)

    assert busy.gate.state_bytes() == quiet.gate.state_bytes()


def test_an_empty_gate_has_a_state_too():
    gate = Gate.from_state(Gate().state_bytes())

    assert (gate.seq, gate.chain, gate.config, gate.breakers()) == (0, "00" * 32, None, [])


def test_a_breaker_that_opened_in_the_last_record_is_still_open_after_a_snapshot():
    limits = make_breaker_limits(faults_to_open=1, cooldown_ms=0)
    bench = Bench(make_config(make_limits(breakers=Breakers(invalid_input=limits, stale_market=limits))))
    bench.send(b"")

    resumed = Gate.from_state(bench.gate.state_bytes())

    assert ("invalid_input", "predict", BreakerState.OPEN) in resumed.breakers()


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_bytes_that_are_no_state_are_refused(cut):
    data = Bench().gate.state_bytes()

    with pytest.raises(InvariantViolated, match="a snapshot holds the state"):
        Gate.from_state(data[:cut])


def test_books_that_disagree_with_their_sums_are_never_written():
    bench = Bench()
    bench.gate._state.positions._lots_of_symbol["FUT"] = 1

    with pytest.raises(InvariantViolated, match="the books' sums"):
        bench.gate.state_bytes()


def test_the_limits_hash_is_that_of_the_content_and_not_of_its_order():
    limits = make_limits()
    turned = make_limits(per_symbol=dict(reversed(limits.per_symbol.items())))
    gates = [Bench(make_config(each)).gate for each in (limits, turned, make_limits(mark_age_ms_max=1))]

    assert gates[0].limits_hash() == gates[1].limits_hash() != gates[2].limits_hash()


_PROGRAM = """
from tests.risk.gate.test_snapshot import CONFIGS, act
from tests.risk.gate_records import Bench
bench = Bench(CONFIGS[0])
kinds = ["propose", "mark", "garbage", "fill", "propose", "timer", "config", "propose", "kill", "reset"]
for number in range(300):
    act(bench, (kinds[number % 10], number * 37 % 400, number % 8))
print(bench.gate.chain, bench.gate.state_hash(), bench.gate.breakers())
"""


def test_neither_hash_seeds_nor_processes_have_a_say():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }

    assert len(outputs) == 1
    assert len(outputs.pop()) > 128


def test_the_gate_never_loads_what_could_change_its_mind():
    """Not even through others: a clock or a random source that is not loaded cannot be asked."""
    program = (
        "import sys; before = set(sys.modules); import risk.gate, risk.gate.limits_file; "
        "print(sorted({'numpy', 'asyncio', 'nats', 'random', 'socket'} & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
