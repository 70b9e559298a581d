"""The proof ``unsayable``: what a schema made from a headroom admits is what the gate approves."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

from contracts.intents import Side
from contracts.limits import GateConfig
from contracts.slm import RUNGS_MAX, Headroom, Ladder
from contracts.verdicts import Verdict
from llm.grammar import AnswerInvalid, grammar_of, read_answer
from risk.gate.amounts import LotWorth, lot_worth, to_micro
from risk.room import Standing, headroom
from risk.room.sizes import target_of
from services.prove.proof import Detail, ProofResult, Report, Size
from services.prove.rooms.admission import admits
from services.prove.rooms.situation import MONEY_MAX, Situation, SymbolCase, situation
from services.prove.rooms.stage import Stage

SUMMARY: Final = (
    "Random limits, books and markets; of each the headroom, the schema made from it, and a real gate in the "
    "same situation. All that the schema admits must be approved for exactly its lots; one lot more, the "
    "other side, another symbol, one basis point more must be neither admitted nor approved."
)
HEADROOMS: Final[dict[Size, int]] = {"S": 100_000, "L": 1_000_000}
SITUATIONS_A_GATE: Final = 20
"""A gate never forgets an identity; a new one now and then keeps the memory small."""

Room = Callable[[GateConfig, Standing], Headroom]
SIDES: Final[tuple[Side, ...]] = ("long", "flat", "short")
NEEDED: Final = (
    "admitted", "near_misses", "empty", "coarse", "reduced", "flat", "long", "short", "buy", "sell",
)  # fmt: skip
"""What must have occurred for an agreement to mean anything."""

ABSTENTION: Final = {"decision": "abstain", "reason": "no_headroom", "explain": ""}


class Wish(NamedTuple):
    """Something to say. ``lots`` has no sign."""

    symbol: str
    side: Side
    target: float
    slippage_bps: int
    lots: int

    def document(self) -> dict[str, Any]:
        """It as a model would write it."""
        whole = self.target.is_integer()
        return {
            "decision": "propose",
            "symbol": self.symbol,
            "side": self.side,
            "target_notional": int(self.target) if whole else self.target,
            "urgency": "low",
            "max_slippage_bps": self.slippage_bps,
            "explain": "",
        }


class Sayable(AssertionError):
    """The schema and the gate differ on a wish."""


def prove(size: Size, seed: int, report: Report) -> ProofResult:
    """Judge ``HEADROOMS[size]`` random headrooms."""
    return prove_headrooms(HEADROOMS[size], seed, report, size=size)


def prove_headrooms(
    count: int, seed: int, report: Report, *, size: Size = "S", room: Room = headroom
) -> ProofResult:
    """Judge so many headrooms, which ``room`` makes."""
    counts: Counter[str] = Counter()
    stage = Stage()
    for number in range(count):
        if number % SITUATIONS_A_GATE == 0:
            stage = Stage()
        rng = random.Random(f"{seed}/{number}")  # noqa: S311 - a seed that repeats is the point
        try:
            _judge(rng, situation(rng, number % SITUATIONS_A_GATE), stage, room, counts)
        except Sayable as found:
            return _result(size, seed, counts, f"headroom {seed}/{number}: {found}")
        if (number + 1) % max(1, count // 10) == 0:
            report(f"{number + 1:,} of {count:,} headrooms, {counts['admitted']:,} moves admitted")
    return _result(size, seed, counts, wanting(counts))


def wanting(counts: Counter[str]) -> str:
    """What makes an agreement worthless; empty where nothing does."""
    unseen = [name for name in NEEDED if not counts[name]]
    return f"never tried: {', '.join(unseen)}; take more headrooms" if unseen else ""


def _judge(rng: random.Random, scene: Situation, stage: Stage, room: Room, counts: Counter[str]) -> None:
    standing = stage.set_up(scene)
    found = room(scene.rules(), standing)
    grammar = grammar_of(found)
    # What engines get is the text.
    schema = json.loads(grammar.text)
    counts["headrooms"] += 1
    counts["empty"] += grammar.is_empty
    counts["reduced"] += scene.stop == "reduce" and not grammar.is_empty
    if not admits(schema, ABSTENTION):
        raise Sayable("abstaining is not admitted")
    for ladder in found.ladders:
        counts[ladder.side] += 1
        counts[ladder.action] += 1
    for wish in _admitted(rng, found):
        _expect(wish, stage, schema, found, counts, is_sayable=True)
    for wish in _near_misses(rng, scene, standing, found):
        _expect(wish, stage, schema, found, counts, is_sayable=False)


def _expect(
    wish: Wish,
    stage: Stage,
    schema: dict[str, Any],
    found: Headroom,
    counts: Counter[str],
    *,
    is_sayable: bool,
) -> None:
    """Say it to the schema, to the reader of answers and to the gate. Raises Sayable."""
    document = wish.document()
    is_admitted = admits(schema, document)
    verdict = stage.ask(wish.symbol, wish.side, wish.target, wish.slippage_bps)
    if _is_read(document, found) != is_admitted:
        raise Sayable(f"{document}: the reader of answers differs from the schema ({is_admitted})")
    if is_admitted != is_sayable:
        raise Sayable(f"{document}: admitted is {is_admitted}, its headroom says {is_sayable}")
    if not is_sayable and verdict.lots and _is_between_rungs(wish, found):
        counts["coarse"] += 1
        return
    if bool(verdict.lots) != is_admitted or (verdict.lots and abs(verdict.target_lots) != wish.lots):
        raise Sayable(
            f"{document}: admitted is {is_admitted}, the gate says {_said(verdict)}; wanted {wish.lots} lots"
        )
    counts["admitted" if is_sayable else "near_misses"] += 1


def _admitted(rng: random.Random, found: Headroom) -> Iterator[Wish]:
    """Every rung, at either end of its slippage or between."""
    for ladder in found.ladders:
        ends = ladder.slippage_bps_min, ladder.slippage_bps_max
        for rung in ladder.rungs:
            bps = rng.choice((*ends, rng.randint(*ends)))
            yield Wish(ladder.symbol, ladder.side, rung.target_notional, bps, rung.lots)


def _near_misses(rng: random.Random, scene: Situation, standing: Standing, found: Headroom) -> Iterator[Wish]:
    """What lies just beyond each ladder, the sides without one, and a symbol that nobody knows."""
    for ladder in found.ladders:
        rung = rng.choice(ladder.rungs)
        for bps in (ladder.slippage_bps_min - 1, ladder.slippage_bps_max + 1):
            if 0 <= bps <= 10_000:
                yield Wish(ladder.symbol, ladder.side, rung.target_notional, bps, rung.lots)
        yield Wish("GHOST", ladder.side, rung.target_notional, ladder.slippage_bps_max, rung.lots)
    for case in scene.cases:
        yield from _other_sizes(rng, case, standing.symbols[case.symbol].mine, found)


def _other_sizes(rng: random.Random, case: SymbolCase, mine: int, found: Headroom) -> Iterator[Wish]:
    """Sizes of one symbol that are no rungs: around what is held, and around every ladder's ends."""
    ladders = [ladder for ladder in found.ladders if ladder.symbol == case.symbol]
    worth = lot_worth(to_micro(case.multiplier), to_micro(case.lot_size))
    for side in SIDES:
        rungs = {rung.lots for ladder in ladders if ladder.side == side for rung in ladder.rungs}
        near = {0} if side == "flat" else {abs(mine), abs(mine) + 1, abs(mine) - 1, 1, rng.randint(1, 12)}
        if side != "flat":
            near |= {end + step for end in _ends(ladders, side) for step in (-1, 1)}
        for lots in sorted(near - rungs):
            target = 0.0 if lots == 0 else _amount(lots, case, worth)
            if target is not None and (lots > 0) == (side != "flat"):
                signed = -lots if side == "short" else lots
                yield Wish(case.symbol, side, target, _slippage(rng, case, ladders, signed > mine), lots)


def _ends(ladders: list[Ladder], side: Side) -> set[int]:
    return {
        rung.lots for ladder in ladders if ladder.side == side for rung in (ladder.rungs[0], ladder.rungs[-1])
    }


def _amount(lots: int, case: SymbolCase, worth: LotWorth) -> float | None:
    return target_of(lots, case.next_price_micro, worth, to_micro(MONEY_MAX)) if lots > 0 else None


def _slippage(rng: random.Random, case: SymbolCase, ladders: list[Ladder], is_buy: bool) -> int:  # noqa: FBT001
    """One that the collar lets pass where a ladder of this kind of order shows one, else any."""
    shown = [each.slippage_bps_min for each in ladders if (each.action == "buy") == is_buy]
    return shown[0] if shown else rng.choice((0, case.slippage_bps_max, rng.randint(0, 60)))


def _is_between_rungs(wish: Wish, found: Headroom) -> bool:
    """Whether a ladder that had to choose has a rung above and one below."""
    return any(
        (ladder.symbol, ladder.side) == (wish.symbol, wish.side)
        and len(ladder.rungs) == RUNGS_MAX
        and any(below.lots < wish.lots < above.lots for below, above in pairwise(ladder.rungs))
        for ladder in found.ladders
    )


def _is_read(document: dict[str, Any], found: Headroom) -> bool:
    try:
        read_answer(json.dumps(document), found)
    except AnswerInvalid:
        return False
    return True


def _said(verdict: Verdict) -> str:
    return f"{verdict.outcome} {verdict.code or ''} {verdict.target_lots} lots"


def _result(size: Size, seed: int, counts: Counter[str], failure: str) -> ProofResult:
    agreed = (
        f"{counts['headrooms']:,} random headrooms: {counts['admitted']:,} admitted moves, all approved for "
        f"exactly their lots; {counts['near_misses']:,} near misses, 0 admitted, 0 approved; "
        f"{counts['empty']:,} empty headrooms admit only abstaining"
    )
    detail: Detail = dict(sorted(counts.items()))
    return ProofResult(
        proof="unsayable", size=size, seed=seed, passed=not failure, figure=failure or agreed, detail=detail
    )
