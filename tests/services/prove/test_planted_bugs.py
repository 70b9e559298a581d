"""The proof ``gate`` finds what it is there to find: each test plants one small bug and sees it caught.

The bugs are planted in the gate's own functions, one a test; every one of them would pass a
casual reading. A gate that denies everything is one more bug.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from contracts.intents import Intent
from contracts.verdicts import DenyCode
from risk.book.approvals import Approvals
from risk.book.digests import DigestIndex
from risk.gate import Gate, commands, examination, market
from risk.gate import gate as gate_module
from risk.gate.breakers import Breakers
from risk.gate.checks import NumberChecks, Question
from risk.gate.market import Collar, Market
from risk.gate.state import GateState
from risk.gate.trading import Trading
from services.prove.duel import Disagreement, fight

INTENTS = 15_000
Plant = Callable[[pytest.MonkeyPatch], None]


def caught(intents: int = INTENTS) -> Disagreement:
    """The difference that the proof stops at."""
    with pytest.raises(Disagreement) as found:
        fight("planted", intents, Gate())
    return found.value


def wrapped(owner: object, name: str, make: Callable[[Any], Any]) -> Plant:
    """Plants what ``make`` makes of the good function."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, name, make(getattr(owner, name)))

    return plant


def off_by(code: DenyCode, error: int) -> Plant:
    """Plants a limit that is so much too generous."""

    def make(good: Any) -> Any:
        def init(self: NumberChecks, *questions: Question) -> None:
            wrong = (
                question._replace(allowed=question.allowed + error) if question.code is code else question
                for question in questions
            )
            good(self, *wrong)

        return init

    return wrapped(NumberChecks, "__init__", make)


def breaker_rules(**errors: int) -> Plant:
    """Plants breakers whose numbers are so much off."""

    def make(good: Any) -> Any:
        def change_rules(self: Breakers, rules: Any) -> None:
            wrong = {
                name: rule._replace(
                    **{field: getattr(rule, field) + error for field, error in errors.items()}
                )
                for name, rule in rules.items()
            }
            good(self, wrong)

        return change_rules

    return wrapped(Breakers, "change_rules", make)


class LaxIntent(Intent, frozen=True, kw_only=True):
    """An intent whose target may be any float at all."""

    target_notional: float


def read_without_bounds(good: Any) -> Any:
    def read(body: bytes) -> tuple[Any, str]:
        intent, found = good(body)
        if intent is None:
            try:
                return msgspec.msgpack.decode(body, type=LaxIntent), ""
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return None, found
        return intent, found

    return read


def is_nan_nothing(good: Any) -> Any:
    return lambda value: good(value) if value == value else 0  # noqa: PLR0124 - the planted comparison


LIMITS = (
    DenyCode.MARK_STALE,
    DenyCode.BASIS_STALE,
    DenyCode.BASIS_AHEAD,
    DenyCode.STRATEGY_NOTIONAL,
    DenyCode.ORDER_NOTIONAL,
    DenyCode.POSITION_NOTIONAL,
    DenyCode.SLIPPAGE,
    DenyCode.PRICE_COLLAR,
)


@pytest.mark.parametrize("code", LIMITS)
@pytest.mark.parametrize("error", [1, -1])
def test_finds_a_limit_that_is_off_by_one(
    monkeypatch: pytest.MonkeyPatch, code: DenyCode, error: int
) -> None:
    off_by(code, error)(monkeypatch)

    found = caught()

    assert code in str(found)


class Forgetful(DigestIndex):
    """Never knows anything."""

    def add(self, key: bytes, number: int) -> int | None:  # noqa: ARG002 - forgotten
        return None


class KnowsNoZero(DigestIndex):
    """Does not keep what came with a zero."""

    def add(self, key: bytes, number: int) -> int | None:
        return super().add(key, number) if number else None


def index_of(name: str, kind: type[DigestIndex]) -> Plant:
    """Plants another kind of index in the state."""

    def make(good: Any) -> Any:
        def init(self: GateState) -> None:
            good(self)
            setattr(self, name, kind())

        return init

    return wrapped(GateState, "__init__", make)


def ignored(_good: Any) -> Any:
    return lambda *_arguments, **_named: None


BUGS: dict[str, Plant] = {
    "approvals never lapse": wrapped(Approvals, "lapse", ignored),
    "approvals lapse a nanosecond late": wrapped(
        Approvals, "lapse", lambda good: lambda self, now_ns: good(self, now_ns - 1)
    ),
    "duplicates are let through": index_of("wishes", Forgetful),
    "duplicates are told apart by too little": wrapped(
        examination, "digest_of", lambda good: lambda *parts: good(*parts[:-1])
    ),
    "the collar looks at the wrong side": wrapped(
        examination,
        "collar_distance_bps",
        lambda good: lambda *numbers, is_buy: good(*numbers, is_buy=not is_buy),
    ),
    "the collar's distance is rounded down": wrapped(
        examination,
        "collar_distance_bps",
        lambda good: lambda *numbers, is_buy: max(0, good(*numbers, is_buy=is_buy) - 1),
    ),
    "the collar's reference is the mark": wrapped(
        Market, "reference_micro", lambda _: lambda self, symbol, _cutoff: self.marks[symbol].price_micro
    ),
    "the collar's mean is rounded down": wrapped(
        market, "divided_half_even", lambda _: lambda numerator, denominator: numerator // denominator
    ),
    "the collar forgets nothing": wrapped(Collar, "settle", ignored),
    # Rounding the negative amount the other way and turning the sign back.
    "lots are rounded up": wrapped(
        examination, "lots_within", lambda good: lambda target, *worth: -good(-target, *worth)
    ),
    "money is rounded down": wrapped(
        examination, "money_of", lambda good: lambda lots, *worth: -good(-lots, *worth)
    ),
    "targets are cut instead of rounded": wrapped(
        examination, "to_micro", lambda _: lambda value: int(value * 1_000_000)
    ),
    "64 bits are forgotten": lambda patch: patch.setattr(examination, "INT64_MAX", 2**90),
    "a breaker opens one fault late": breaker_rules(faults_to_open=1),
    "a breaker counts faults a nanosecond too long": breaker_rules(window_ns=1),
    "a breaker cools down a nanosecond too long": breaker_rules(cooldown_ns=1),
    "a breaker closes one probe late": breaker_rules(probes_to_close=1),
    "open approvals do not count to the position": wrapped(
        Approvals, "long_in", lambda _: lambda _self, _symbol: 0
    ),
    "open sales net against open purchases": wrapped(
        Approvals,
        "long_in",
        lambda good: lambda self, symbol: max(0, good(self, symbol) - self.short_in(symbol)),
    ),
    "a fill leaves its approval open": wrapped(Approvals, "fill", ignored),
    "a repeated fill counts again": index_of("fills", Forgetful),
    "an identity denied unaudited is forgotten": index_of("identities", KnowsNoZero),
    "reducing lets a position turn over": wrapped(
        examination, "_is_nearer_to_flat", lambda _: lambda target, held: abs(target) < abs(held)
    ),
    "reducing lets what is held be kept": wrapped(
        examination, "_is_nearer_to_flat", lambda _: lambda target, held: abs(target) <= abs(held)
    ),
    "the session's end belongs to it": wrapped(
        Market,
        "is_open",
        lambda good: (
            lambda self, symbol, now_ns: good(self, symbol, now_ns) or good(self, symbol, now_ns - 1)
        ),
    ),
    "a price of nothing is a price": wrapped(
        Market,
        "take_mark",
        lambda good: lambda self, change, cutoff: change.price_micro and good(self, change, cutoff),
    ),
    "a target that is no number is nothing": lambda patch: (
        wrapped(gate_module, "read_intent", read_without_bounds)(patch),
        wrapped(examination, "to_micro", is_nan_nothing)(patch),
    )[0],
    "a bad input is no fault": wrapped(
        Breakers,
        "fault",
        lambda good: lambda self, name, key: None if name == "invalid_input" else good(self, name, key),
    ),
    "identities are forgotten": wrapped(Gate, "known", ignored),
    "the kill is not latched twice": wrapped(
        Trading,
        "kill",
        lambda good: lambda self, seq, now_ns: None if self.is_killed else good(self, seq, now_ns),
    ),
    "the audit's state is ignored": wrapped(
        Gate,
        "decide",
        lambda good: lambda self, record, epoch=0: good(self, replace(record, is_audit_ok=True), epoch),
    ),
    "one person resets twice": wrapped(
        commands,
        "_reset_refusal",
        lambda good: (
            lambda *facts: None if (found := good(*facts)) and found.code == "SAME_OPERATOR" else found
        ),
    ),
    "everything is denied": wrapped(
        Gate,
        "decide",
        lambda good: lambda self, record, epoch=0: good(self, replace(record, is_audit_ok=False), epoch),
    ),
}


@pytest.mark.parametrize("plant", BUGS.values(), ids=BUGS.keys())
def test_finds_a_planted_bug(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    plant(monkeypatch)

    assert caught().seq >= 0


def test_finds_nothing_where_nothing_is_planted() -> None:
    tally = fight("planted", 3_000, Gate())

    assert tally.intents == 3_000
    assert tally.approved_share >= 0.2
