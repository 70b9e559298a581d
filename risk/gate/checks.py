"""Checks: the comparisons of the gate as values, most of them built once.

A flag's comparison is the same object for every intent, so an approval costs a few new checks
and not thirty.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from contracts.verdicts import Check, DenyCode, Unit

Checks = tuple[Check, ...]

_encode = msgspec.msgpack.Encoder().encode


class Question(NamedTuple):
    """One comparison, but for what is found. ``setting`` is where people change what is allowed."""

    code: DenyCode
    setting: str = ""
    unit: Unit = "flag"
    allowed: int = 0


class Made(Struct, frozen=True):
    """Comparisons that were made.

    Attributes:
        view: Their hash views one after another, so that what never changes is encoded once.
        passes: Whether none of them denies; else the last one does.
    """

    checks: Checks
    view: bytes
    passes: bool


class FlagChecks:
    """At most 15 yes-or-no comparisons that are asked together, in order; the first yes denies."""

    def __init__(self, *questions: Question) -> None:
        _assert_short(questions)
        passed = tuple(Check(q.code, 0, q.allowed, q.unit, q.setting) for q in questions)
        failed = tuple(Check(q.code, 1, q.allowed, q.unit, q.setting) for q in questions)
        self._passed = Made(passed, _encode(passed)[1:], True)
        self._failed = tuple(
            Made(checks, _encode(checks)[1:], False)
            for checks in ((*passed[:first], check) for first, check in enumerate(failed))
        )

    def ask(self, *answers: bool) -> Made:
        """The comparisons made, up to the first True."""
        return self._failed[answers.index(True)] if True in answers else self._passed

    def __len__(self) -> int:
        return len(self._failed)


class NumberChecks:
    """At most 15 comparisons of numbers, made together in order; the first beyond what is allowed denies."""

    def __init__(self, *questions: Question) -> None:
        _assert_short(questions)
        self._questions = questions

    def ask(self, *numbers: int) -> Made:
        """The comparisons made, up to the first that fails. One number a question."""
        made: list[Check] = []
        for (code, setting, unit, allowed), found in zip(self._questions, numbers, strict=True):
            made.append(Check(code, found, allowed, unit, setting))
            if found > allowed:
                return Made(tuple(made), _encode(made)[1:], False)
        return Made(tuple(made), _encode(made)[1:], True)


def _assert_short(questions: Sequence[Question]) -> None:
    # Up to 15 elements the head of a msgpack array is one byte, which a view leaves out.
    assert len(questions) <= 15


UNDECODABLE = FlagChecks(Question(DenyCode.INPUT_INVALID)).ask(True)
UNAUDITED = FlagChecks(Question(DenyCode.AUDIT_UNAVAILABLE)).ask(True)


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
