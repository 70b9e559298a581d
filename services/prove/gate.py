"""The proof ``gate``: hostile intents against an independent oracle, the outcome of each compared."""

from collections.abc import Callable
from typing import Final

from contracts.control import RefusalCode
from contracts.verdicts import DenyCode
from risk.gate import Gate
from services.prove.duel import Disagreement, Judge, Tally, fight
from services.prove.proof import Detail, ProofResult, Report, Size

SUMMARY: Final = (
    "Hostile intents, at least a fifth of them approvable, through the gate and through an oracle that was "
    "written from the gate's page alone: outcome, code and lots of each must agree, every deny code must "
    "occur, and no approval may pass a limit."
)
INTENTS: Final[dict[Size, int]] = {"S": 100_000, "L": 1_000_000}
SEQUENCE: Final = 20_000
"""Intents of one gate's life; the next begins empty, with other times and other prices."""

APPROVED_SHARE_MIN: Final = 0.20
UNREACHABLE: Final = frozenset({DenyCode.TRADING_HALTED})
"""HALTED and the kill latch come and go together, and the latch is looked at first."""


def prove(size: Size, seed: int, report: Report) -> ProofResult:
    """Fight ``INTENTS[size]`` intents and judge the whole."""
    return prove_intents(INTENTS[size], seed, report, size=size)


def prove_intents(
    intents: int,
    seed: int,
    report: Report,
    *,
    size: Size = "S",
    make: Callable[[], Judge] = Gate,
) -> ProofResult:
    """Fight so many intents, against gates that ``make`` makes."""
    total = Tally()
    while total.intents < intents:
        name = f"{seed}/{total.intents // SEQUENCE}"
        try:
            total.add(fight(name, min(SEQUENCE, intents - total.intents), make()))
        except Disagreement as found:
            return _result(size, seed, total, f"sequence {name}, {found}", {"seq": found.seq})
        report(f"{total.intents:,} of {intents:,} intents agree, {total.approved_share:.1%} approved")
    return _result(size, seed, total, wanting(total), {})


def wanting(total: Tally) -> str:
    """What makes an agreement worthless; empty where nothing does."""
    if total.approved_share < APPROVED_SHARE_MIN:
        return f"{total.approved_share:.1%} of the intents approved, not {APPROVED_SHARE_MIN:.0%} or more"
    unseen = [code for code in DenyCode if code not in total.codes and code not in UNREACHABLE]
    unseen_refusals = [code for code in RefusalCode if code not in total.refusals]
    if unseen or unseen_refusals:
        return f"codes that never occurred: {', '.join([*unseen, *unseen_refusals])}; take more intents"
    return ""


def _result(size: Size, seed: int, total: Tally, failure: str, more: Detail) -> ProofResult:
    agreed = (
        f"{total.intents:,} hostile intents, 0 differences from the oracle, 0 approvals beyond a limit, "
        f"{total.approved_share:.1%} approved, {len(total.codes)} outcomes seen"
    )
    detail: Detail = {
        "records": total.records,
        "intents": total.intents,
        "approved": total.approved,
        "redelivered": total.redelivered,
        **{f"code_{code}": count for code, count in sorted(total.codes.items())},
        **{f"refusal_{code}": count for code, count in sorted(total.refusals.items())},
        **more,
    }
    return ProofResult(
        proof="gate", size=size, seed=seed, passed=not failure, figure=failure or agreed, detail=detail
    )
