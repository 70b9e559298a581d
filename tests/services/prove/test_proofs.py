"""What a proof hands back, and that a proof which proves nothing says so."""

from collections import Counter
from typing import Any

import pytest

from contracts.control import RefusalCode
from contracts.verdicts import DenyCode
from risk.gate import Gate, commands
from risk.gate import gate as gate_module
from risk.gate.trading import Trading
from services.prove import gate, kill, registry
from services.prove.duel import Tally


def seen(approved: int, intents: int) -> Tally:
    codes = Counter({str(code): 1 for code in DenyCode if code not in gate.UNREACHABLE})
    return Tally(intents=intents, approved=approved, codes=codes, refusals=Counter(map(str, RefusalCode)))


def test_the_gate_agrees_with_the_oracle_and_the_figure_says_how_often() -> None:
    lines: list[str] = []

    result = gate.prove_intents(12_000, 7, lines.append)

    assert result.passed, result.figure
    assert result.figure.startswith("12,000 hostile intents, 0 differences from the oracle")
    assert result.detail["intents"] == 12_000
    assert lines


def test_the_same_seed_tries_the_same_things() -> None:
    first, second = (gate.prove_intents(2_000, 3, lambda _: None) for _ in range(2))

    assert first == second


def test_agreement_without_approvals_is_no_proof() -> None:
    assert gate.wanting(seen(approved=20, intents=100)) == ""
    assert gate.wanting(seen(approved=19, intents=100)) == "19.0% of the intents approved, not 20% or more"


def test_agreement_that_never_met_a_code_is_no_proof() -> None:
    tally = seen(approved=1, intents=1)
    del tally.codes["PRICE_COLLAR"]
    del tally.refusals["COOL_OFF"]

    assert gate.wanting(tally) == "codes that never occurred: PRICE_COLLAR, COOL_OFF; take more intents"


def test_a_difference_is_the_figure_of_a_failed_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "known", lambda *_: None)

    result = gate.prove_intents(2_000, 1, lambda _: None)

    assert not result.passed
    assert "was first recorded at" in result.figure


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kill.SCHEDULES, "S", 100)


def test_kills_hold_and_two_people_bring_approvals_back(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)

    result = kill.prove_core("S", 1, lambda _: None)

    assert result.passed, result.figure
    assert result.detail["resets"] == 100
    assert result.detail["approved"] == 200
    assert {f"refused_{code}" for code in RefusalCode} <= result.detail.keys()


def without(code: RefusalCode) -> Any:
    good = commands._reset_refusal
    return lambda *facts: None if (found := good(*facts)) and found.code == code else found


@pytest.mark.parametrize("code", [RefusalCode.SAME_OPERATOR, RefusalCode.NOT_SEEN, RefusalCode.COOL_OFF])
def test_the_kill_proof_finds_a_reset_that_is_too_easy(
    monkeypatch: pytest.MonkeyPatch, code: RefusalCode
) -> None:
    small(monkeypatch)
    monkeypatch.setattr(commands, "_reset_refusal", without(code))

    result = kill.prove_core("S", 1, lambda _: None)

    assert not result.passed
    assert str(code) in result.figure


def test_the_kill_proof_finds_a_latch_that_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    good = Trading.reduce
    monkeypatch.setattr(Trading, "kill", lambda self, seq, _now_ns: good(self, seq))

    assert not kill.prove_core("S", 1, lambda _: None).passed


def test_the_kill_proof_finds_a_pending_reset_that_outlives_a_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    good = Trading.kill

    def forgetful(self: Trading, seq: int, now_ns: int) -> None:
        pending = self.pending
        good(self, seq, now_ns)
        self.pending = pending

    monkeypatch.setattr(Trading, "kill", forgetful)

    assert not kill.prove_core("S", 1, lambda _: None).passed


def test_the_kill_proof_finds_a_gate_that_never_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    monkeypatch.setattr(Trading, "resume", lambda _: None)

    assert not kill.prove_core("S", 1, lambda _: None).passed


def test_the_kill_proof_finds_a_kill_that_wants_a_good_body(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    good = commands.obey

    def picky(trading: Any, rules: Any, record: Any) -> Any:
        from msgspec.structs import replace  # noqa: PLC0415

        is_readable = commands._read(record.body) is not None
        return good(trading, rules, record if is_readable else replace(record, subject="control.reset.x"))

    monkeypatch.setattr(gate_module, "obey", picky)

    assert not kill.prove_core("S", 1, lambda _: None).passed


def test_a_proof_that_does_not_exist_is_one_clear_line() -> None:
    with pytest.raises(registry.ProofMissing, match="proof is 'gates'; expected one of gate, kill"):
        registry.load("gates")


def test_every_installed_proof_says_what_it_will_try() -> None:
    assert {"gate", "kill"} <= set(registry.names())
    for name in ("gate", "kill"):
        assert registry.load(name).SUMMARY.endswith(".")
