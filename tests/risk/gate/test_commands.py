"""What operators can do, and what nobody can do with their commands."""

import pytest

from contracts.control import RefusalCode
from contracts.gate import RecordKind
from contracts.limits import ResetLimits
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from contracts.states import TradingState
from contracts.verdicts import DenyCode
from tests.risk.gate_records import Bench, make_config, make_limits


def killed(milliseconds_ago: int = 3_000) -> Bench:
    bench = Bench()
    bench.command("kill")
    bench.advance(milliseconds_ago)
    return bench


def code_of(decision) -> RefusalCode | None:
    assert decision.answer is not None
    assert decision.answer.is_accepted == (decision.answer.code is None)
    assert (decision.trading_state is None) or decision.answer.is_accepted
    return decision.answer.code


def test_a_kill_latches_and_halts_at_its_sequence():
    bench = Bench()

    decision = bench.command("kill")

    assert code_of(decision) is None
    change = decision.trading_state
    assert change is not None
    assert (change.previous, change.state, change.is_killed) == (
        TradingState.ACTIVE,
        TradingState.HALTED,
        True,
    )
    assert (change.operators, change.cause, change.gate_seq) == (
        ("operator1",),
        "kill: a test",
        bench.gate.seq,
    )
    assert bench.gate.is_killed
    assert bench.gate.trading_state is TradingState.HALTED


@pytest.mark.parametrize("body", [b"", b"\xc1", b"kill", b"\x80", b"x" * 100_000])
def test_a_kill_is_obeyed_whatever_its_body_says(body):
    bench = Bench()

    decision = bench.decide(RecordKind.CONTROL, body, subject="control.kill.operator2", principal="operator2")

    assert code_of(decision) is None
    assert decision.answer is not None
    assert (decision.answer.command, decision.answer.operator, decision.answer.nonce) == (
        "kill",
        "operator2",
        "",
    )
    assert bench.gate.is_killed


@pytest.mark.parametrize(
    "overrides",
    [
        {"expires_ts_ns": 0},
        {"nonce": "0" * 16},
        {"command": "reset"},
        {"operator": "operator2"},
        {"expected_gate_seq": 0},
        {"reason": ""},
        {"nonce": "zz"},
    ],
)
def test_a_kill_that_is_expired_repeated_or_contradicts_its_subject_kills_all_the_same(overrides):
    bench = Bench()
    bench.command("reduce", nonce="0" * 16)

    values = {"command": "kill", "operator": "operator1"} | overrides
    bench.command(**values, subject="control.kill.operator1")

    assert bench.gate.is_killed


@pytest.mark.parametrize("subject", ["control.kill", "control.kill.a.b", "control.kill.", "control.kill.~zz"])
def test_a_malformed_kill_subject_kills_all_the_same(subject):
    bench = Bench()

    bench.decide(RecordKind.CONTROL, b"", subject=subject)

    assert bench.gate.is_killed


@pytest.mark.parametrize(
    "subject", ["", "control", "control.reset", "control.Kill.operator1", "control.x.kill"]
)
def test_no_other_subject_kills_or_does_anything(subject):
    bench = Bench()

    assert code_of(bench.decide(RecordKind.CONTROL, b"", subject=subject)) is RefusalCode.MALFORMED
    assert code_of(bench.command("reduce", subject=subject or ".")) is RefusalCode.SUBJECT_MISMATCH
    assert bench.gate.trading_state is TradingState.ACTIVE


def test_nothing_is_approved_between_a_kill_and_its_reset():
    bench = killed()
    for _ in range(20):
        verdict = bench.propose().verdict
        assert verdict is not None
        assert verdict.code is DenyCode.KILLED
    bench.command("reset", "operator1")
    verdict = bench.propose().verdict
    assert verdict is not None
    assert verdict.code is DenyCode.KILLED  # one person is not enough

    bench.command("reset", "operator2")

    verdict = bench.propose().verdict
    assert verdict is not None
    assert verdict.code is None


def test_two_people_reset():
    bench = killed()

    first = bench.command("reset", "operator1")
    second = bench.command("reset", "operator2")

    assert (code_of(first), code_of(second)) == (None, None)
    assert first.answer is not None
    assert first.answer.waits_for_second
    assert first.trading_state is None
    change = second.trading_state
    assert change is not None
    assert (change.previous, change.state, change.is_killed) == (
        TradingState.HALTED,
        TradingState.ACTIVE,
        False,
    )
    assert change.operators == ("operator1", "operator2")
    assert not bench.gate.is_killed


def test_one_person_twice_does_not_reset_and_the_first_still_waits():
    bench = killed()
    bench.command("reset", "operator1")

    assert code_of(bench.command("reset", "operator1")) is RefusalCode.SAME_OPERATOR
    assert bench.gate.is_killed
    assert code_of(bench.command("reset", "operator2")) is None
    assert not bench.gate.is_killed


def test_one_credential_cannot_speak_for_another():
    bench = killed()
    bench.command("reset", "operator1")

    forged = bench.command("reset", "operator2", subject="control.reset.operator1")

    assert code_of(forged) is RefusalCode.SUBJECT_MISMATCH
    assert bench.gate.is_killed


@pytest.mark.parametrize(
    ("milliseconds", "code"), [(2_999, RefusalCode.COOL_OFF), (3_000, None), (3_001, None)]
)
def test_nobody_resets_before_the_cool_off_is_over(milliseconds, code):
    decision = killed(milliseconds).command("reset")

    assert code_of(decision) is code
    if code:
        assert decision.answer is not None
        assert (decision.answer.found, decision.answer.allowed) == (2_999 * MILLISECOND_NS, 3 * SECOND_NS)


@pytest.mark.parametrize(("late_ns", "code"), [(-1, None), (0, None), (1, RefusalCode.EXPIRED)])
def test_a_command_is_good_until_it_expires(late_ns, code):
    bench = killed()

    assert code_of(bench.command("reset", expires_ts_ns=bench.now_ns - late_ns)) is code


def test_a_command_is_good_once_even_when_it_was_refused():
    bench = killed(0)
    assert code_of(bench.command("reset", nonce="a" * 16)) is RefusalCode.COOL_OFF
    bench.advance(3_000)

    assert code_of(bench.command("reset", nonce="a" * 16)) is RefusalCode.NONCE_REUSED
    assert code_of(bench.command("reset", "operator2", nonce="a" * 16)) is RefusalCode.NONCE_REUSED
    assert code_of(bench.command("reset", nonce="b" * 16)) is None


def test_a_kills_nonce_is_used_up_too():
    bench = Bench()
    bench.command("kill", nonce="c" * 16)
    bench.advance(3_000)

    assert code_of(bench.command("reset", nonce="c" * 16)) is RefusalCode.NONCE_REUSED


def test_a_reset_must_have_seen_the_kill_and_cannot_have_seen_the_future():
    bench = killed()
    kill_seq = 2

    for seen, code in [
        (kill_seq - 1, RefusalCode.NOT_SEEN),
        (bench.gate.seq + 2, RefusalCode.NOT_SEEN),  # its own sequence
        (2**62, RefusalCode.NOT_SEEN),
        (kill_seq, None),
    ]:
        decision = bench.command("reset", expected_gate_seq=seen)
        assert code_of(decision) is code


def test_a_reset_while_active_and_a_reduce_while_not_have_nothing_to_do():
    bench = Bench()
    assert code_of(bench.command("reset")) is RefusalCode.NOTHING_TO_RESET
    assert code_of(bench.command("reduce")) is None
    assert code_of(bench.command("reduce")) is RefusalCode.NOTHING_TO_RESET
    bench.command("kill")
    assert code_of(bench.command("reduce")) is RefusalCode.NOTHING_TO_RESET
    assert bench.gate.trading_state is TradingState.HALTED


def test_one_person_reduces_and_two_resume_from_it_without_a_cool_off():
    bench = Bench()
    decision = bench.command("reduce")
    change = decision.trading_state
    assert change is not None
    assert (change.state, change.is_killed, change.cause) == (TradingState.REDUCING, False, "reduce: a test")

    assert code_of(bench.command("reset", expected_gate_seq=bench.gate.seq - 1)) is RefusalCode.NOT_SEEN
    assert code_of(bench.command("reset", "operator1")) is None
    assert code_of(bench.command("reset", "operator2")) is None
    assert bench.gate.trading_state is TradingState.ACTIVE


@pytest.mark.parametrize(("late_ns", "is_reset"), [(-1, True), (0, True), (1, False)])
def test_a_second_person_who_comes_too_late_is_a_first(late_ns, is_reset):
    bench = killed()
    bench.command("reset", "operator1")
    bench.now_ns += 600 * SECOND_NS + late_ns

    decision = bench.command("reset", "operator2")

    assert code_of(decision) is None
    assert decision.answer is not None
    assert decision.answer.waits_for_second == (not is_reset)
    assert bench.gate.is_killed == (not is_reset)
    if not is_reset:
        assert code_of(bench.command("reset", "operator1")) is None
        assert not bench.gate.is_killed


def test_a_new_kill_forgets_a_reset_that_waits_and_starts_the_cool_off_again():
    bench = killed()
    bench.command("reset", "operator1")
    bench.command("kill", "operator1")

    assert code_of(bench.command("reset", "operator2")) is RefusalCode.COOL_OFF
    bench.advance(3_000)
    second = bench.command("reset", "operator2")

    assert second.answer is not None
    assert second.answer.waits_for_second
    assert bench.gate.is_killed


def test_refusals_come_in_the_order_of_the_page():
    """Everything is wrong with this reset; each mended fault shows the next."""
    bench = Bench()
    bench.command("kill", nonce="d" * 16)
    wrong = {"nonce": "d" * 16, "expires_ts_ns": 0, "expected_gate_seq": 0}
    subject = "control.reset.operator2"

    seen = [
        code_of(bench.command("reset", subject=subject, **wrong)),
        code_of(bench.command("reset", **wrong)),
        code_of(bench.command("reset", **(wrong | {"nonce": "e" * 16}))),
        code_of(bench.command("reset", expected_gate_seq=0)),
        code_of(bench.command("reset")),
    ]

    assert seen == [
        RefusalCode.SUBJECT_MISMATCH,
        RefusalCode.NONCE_REUSED,
        RefusalCode.EXPIRED,
        RefusalCode.NOT_SEEN,
        RefusalCode.COOL_OFF,
    ]


def test_a_zero_cool_off_and_window_still_take_two_people():
    reset = ResetLimits(cool_off_ms=0, second_within_ms=0)
    bench = Bench(make_config(make_limits(reset=reset)))
    bench.command("kill")

    assert code_of(bench.command("reset", "operator1")) is None
    assert code_of(bench.command("reset", "operator1")) is RefusalCode.SAME_OPERATOR
    assert code_of(bench.command("reset", "operator2")) is None
    assert not bench.gate.is_killed
