"""Checks: the comparisons of the gate as values, most of them built once.

A flag's comparison is the same object for every intent, so an approval costs a few new checks
and not thirty.
"""

from operator import gt
from typing import NamedTuple

from contracts.verdicts import Check, DenyCode, Unit

Checks = tuple[Check, ...]


class Question(NamedTuple):
    """One comparison, but for what is found. ``setting`` is where people change what is allowed."""

    code: DenyCode
    setting: str = ""
    unit: Unit = "flag"
    allowed: int = 0


class FlagChecks:
    """Yes-or-no comparisons that are asked together, in order; the first yes denies."""

    def __init__(self, *questions: Question) -> None:
        self.passed = tuple(Check(q.code, 0, q.allowed, q.unit, q.setting) for q in questions)
        self._failed = tuple(Check(q.code, 1, q.allowed, q.unit, q.setting) for q in questions)

    def ask(self, *answers: bool) -> tuple[Checks, bool]:
        """The comparisons made, up to the first True, and whether there was none."""
        if True not in answers:
            return self.passed, True
        first = answers.index(True)
        return (*self.passed[:first], self._failed[first]), False


class NumberChecks:
    """Comparisons of numbers that are made together, in order; the first beyond what is allowed denies."""

    def __init__(self, *questions: Question) -> None:
        # By column, so that the checks of a passing intent are made without a loop in Python.
        self._codes = [question.code for question in questions]
        self._allowed = [question.allowed for question in questions]
        self._units = [question.unit for question in questions]
        self._settings = [question.setting for question in questions]

    def ask(self, *numbers: int) -> tuple[Checks, bool]:
        """The comparisons made, up to the first that fails, and whether none did. One number a question."""
        made = tuple(map(Check, self._codes, numbers, self._allowed, self._units, self._settings))
        if True not in map(gt, numbers, self._allowed):
            return made, True
        first = [*map(gt, numbers, self._allowed)].index(True)
        return made[: first + 1], False


UNDECODABLE, _ = FlagChecks(Question(DenyCode.INPUT_INVALID)).ask(True)
UNAUDITED, _ = FlagChecks(Question(DenyCode.AUDIT_UNAVAILABLE)).ask(True)


def opening_checks(strategy_id: str) -> FlagChecks:
    """Input, standing, what the configuration alone can deny, and whether there is a mark."""
    return FlagChecks(
        Question(DenyCode.INPUT_INVALID),
        Question(DenyCode.SUBJECT_MISMATCH),
        Question(DenyCode.SIDE_CONTRADICTS),
        Question(DenyCode.AUDIT_UNAVAILABLE),
        Question(DenyCode.KILLED),
        Question(DenyCode.TRADING_HALTED),
        Question(DenyCode.BREAKER_INVALID_INPUT, "breakers.invalid_input"),
        Question(DenyCode.BREAKER_STALE_MARKET, "breakers.stale_market"),
        Question(DenyCode.STRATEGY_UNKNOWN, "cards"),
        Question(DenyCode.INSTRUMENT_UNKNOWN, "instruments"),
        Question(DenyCode.STRATEGY_INSTRUMENT, f"cards.{strategy_id}.instruments"),
        Question(DenyCode.LIMITS_MISSING, "limits.per_symbol"),
        Question(DenyCode.CURRENCY_UNSUPPORTED, "limits.account_currency"),
        Question(DenyCode.RESTRICTED, "limits.restricted"),
        Question(DenyCode.MARK_MISSING),
    )


def change_checks(symbol: str) -> FlagChecks:
    """From the session to the change in lots."""
    return FlagChecks(
        Question(DenyCode.SESSION_CLOSED, f"instruments.{symbol}.session"),
        Question(DenyCode.DUPLICATE_CONTENT, unit="count"),
        Question(DenyCode.AMOUNT_OVERFLOW),
        Question(DenyCode.LOTS_ZERO),
        Question(DenyCode.NO_CHANGE),
        Question(DenyCode.TRADING_REDUCING),
    )
