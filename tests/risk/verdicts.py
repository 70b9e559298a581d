"""What is true of every denial and of every approval."""

from contracts.verdicts import DenyCode, Outcome, Verdict, describe
from tests.risk.gate_records import Bench


def verdict_of(bench: Bench, **overrides) -> Verdict:
    verdict = bench.propose(**overrides).verdict
    assert verdict is not None
    return verdict


def assert_denied(verdict: Verdict, code: DenyCode, sentence: str) -> None:
    assert (verdict.outcome, verdict.code) == (Outcome.DENIED, code)
    assert describe(verdict) == sentence
    assert verdict.denial is not None
    assert verdict.denial.code is code
    assert not verdict.denial.passed
    assert all(check.passed for check in verdict.checks[:-1])
    assert (verdict.lots, verdict.target_lots, verdict.expires_ts_ns) == (0, 0, 0)


def assert_approved(verdict: Verdict, lots: int) -> None:
    assert (verdict.outcome, verdict.code, verdict.lots) == (Outcome.APPROVED, None, lots), describe(verdict)
    assert all(check.passed for check in verdict.checks)


def found_of(verdict: Verdict, code: DenyCode) -> int:
    return next(check.found for check in verdict.checks if check.code is code)
