"""The proof ``unsayable`` holds, and finds every way in which a headroom or a schema can be wrong."""

from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.limits import GateConfig
from contracts.slm import Headroom, Ladder, Rung
from contracts.states import TradingState
from llm.grammar import grammar as grammar_module
from risk.room import Standing, SymbolStanding, headroom
from services.prove import registry, unsayable
from services.prove.rooms.admission import admits

FEW = 1_000


def prove(room: unsayable.Room = headroom, count: int = FEW) -> Any:
    return unsayable.prove_headrooms(count, 5, lambda _: None, room=room)


def test_the_schema_says_what_the_gate_approves_and_nothing_else() -> None:
    lines: list[str] = []

    result = unsayable.prove_headrooms(FEW, 5, lines.append)

    assert result.passed, result.figure
    assert result.figure.startswith("1,000 random headrooms: ")
    assert "0 admitted, 0 approved" in result.figure
    assert result.detail["headrooms"] == FEW
    assert len(lines) == 10


def test_the_same_seed_tries_the_same_things() -> None:
    first, second = (unsayable.prove_headrooms(100, 3, lambda _: None) for _ in range(2))

    assert first == second


def test_the_proof_is_listed_and_says_what_it_will_try() -> None:
    assert registry.load("unsayable").SUMMARY.endswith(".")


def each_symbol(standing: Standing, **changes: Any) -> Standing:
    symbols = {symbol: replace(each, **changes) for symbol, each in standing.symbols.items()}
    return replace(standing, symbols=symbols)


def forgetful(**changes: Any) -> unsayable.Room:
    """A room that believes this of every symbol."""
    return lambda config, standing: headroom(config, each_symbol(standing, **changes))


def lax(**changes: Any) -> unsayable.Room:
    """A room that believes this of the rules."""

    def room(config: GateConfig, standing: Standing) -> Headroom:
        return headroom(replace(config, limits=replace(config.limits, **changes)), standing)

    return room


def with_ladders(change: Any) -> unsayable.Room:
    def room(config: GateConfig, standing: Standing) -> Headroom:
        found = headroom(config, standing)
        return replace(found, ladders=tuple(each for old in found.ladders for each in change(old)))

    return room


def always_open(config: GateConfig, standing: Standing) -> Headroom:
    symbols = {name: replace(each, close_ns=2**62) for name, each in standing.symbols.items()}
    return headroom(config, replace(standing, symbols=symbols))


def reference_is_mark(config: GateConfig, standing: Standing) -> Headroom:
    def trusting(each: SymbolStanding) -> SymbolStanding:
        return replace(each, reference_micro=each.mark_micro or 1)

    symbols = {name: trusting(each) for name, each in standing.symbols.items()}
    return headroom(config, replace(standing, symbols=symbols))


def one_lot_more(ladder: Ladder) -> list[Ladder]:
    last = ladder.rungs[-1]
    more = Rung(last.target_notional * (last.lots + 1.5) / last.lots, last.lots + 1) if last.lots else last
    return [replace(ladder, rungs=(*ladder.rungs[:-1], more))]


TOO_WIDE = {
    "forgets what it holds": forgetful(mine=0),
    "forgets what the desk holds": forgetful(held=0),
    "forgets open buys": forgetful(open_long=0),
    "forgets open sells": forgetful(open_short=0),
    "thinks the session is open": always_open,
    "takes the mark for the reference": reference_is_mark,
    "thinks the breaker is closed": forgetful(is_breaker_open=False),
    "forgets the restricted list": lax(restricted=()),
    "forgets the mark's age": lax(mark_age_ms_max=10_000),
    "forgets that trading is reducing": lambda config, standing: headroom(
        config, replace(standing, trading_state=TradingState.ACTIVE)
    ),
    "forgets that everything is stopped": lambda config, standing: headroom(
        config, replace(standing, is_stopped=False, trading_state=TradingState.ACTIVE)
    ),
    "allows one lot more": with_ladders(one_lot_more),
    "allows one basis point more": with_ladders(
        lambda ladder: [replace(ladder, slippage_bps_max=ladder.slippage_bps_max + 1)]
    ),
    "allows the other side": with_ladders(
        lambda ladder: [
            ladder,
            replace(ladder, side="short" if ladder.side == "long" else ladder.side),
        ]
    ),
    "allows another symbol": with_ladders(lambda ladder: [ladder, replace(ladder, symbol="GHOST")]),
}

TOO_NARROW = {
    "loses the last rung": with_ladders(
        lambda ladder: [replace(ladder, rungs=ladder.rungs[:-1])] if ladder.rungs[1:] else [ladder]
    ),
    "loses the first rung": with_ladders(
        lambda ladder: [replace(ladder, rungs=ladder.rungs[1:])] if ladder.rungs[1:] else [ladder]
    ),
    "loses a side": with_ladders(lambda ladder: [] if ladder.side == "short" else [ladder]),
    "loses flat": with_ladders(lambda ladder: [] if ladder.side == "flat" else [ladder]),
    "loses a basis point": with_ladders(
        lambda ladder: (
            [replace(ladder, slippage_bps_max=ladder.slippage_bps_max - 1)]
            if ladder.slippage_bps_max > ladder.slippage_bps_min
            else [ladder]
        )
    ),
    "is always empty": with_ladders(lambda _: []),
}


@pytest.mark.parametrize("room", TOO_WIDE.values(), ids=TOO_WIDE)
def test_a_headroom_that_is_too_wide_is_found(room: unsayable.Room) -> None:
    assert not prove(room, 4 * FEW).passed


@pytest.mark.parametrize("room", TOO_NARROW.values(), ids=TOO_NARROW)
def test_a_headroom_that_is_too_narrow_is_found(room: unsayable.Room) -> None:
    assert not prove(room).passed


def spoil(monkeypatch: pytest.MonkeyPatch, field: str, rule: dict[str, Any]) -> None:
    """Make the schema say ``rule`` of one field of every proposal."""
    good = grammar_module.answer_schema

    def bad(found: Headroom) -> Any:
        schema = good(found)
        for branch in schema["anyOf"][1:]:
            branch["properties"][field] = rule
        return schema

    monkeypatch.setattr(grammar_module, "answer_schema", bad)


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("symbol", {"enum": ["S0.0", "GHOST"]}),
        ("side", {"enum": ["long", "short", "flat"]}),
        ("target_notional", {"minimum": 0, "maximum": 1e12}),
        ("max_slippage_bps", {"type": "integer", "minimum": 0, "maximum": 10_000}),
        ("urgency", {"const": "high"}),
    ],
)
def test_a_schema_that_is_not_its_headroom_is_found(
    monkeypatch: pytest.MonkeyPatch, field: str, rule: dict[str, Any]
) -> None:
    spoil(monkeypatch, field, rule)
    monkeypatch.setattr(grammar_module, "_longest", lambda _: 0)  # it knows only the schemas that we make

    assert not prove().passed


def test_agreement_that_never_met_a_case_is_no_proof() -> None:
    assert prove(count=1).figure.startswith("never tried: ")
    assert unsayable.wanting(Counter(dict.fromkeys(unsayable.NEEDED, 1))) == ""


def test_a_keyword_that_the_reader_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="multipleOf"):
        admits({"multipleOf": 2}, 4)
