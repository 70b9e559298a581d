"""The proof ``kill``: after the latch nothing is approved, and nobody alone lifts it."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from contracts.control import RefusalCode
from risk.gate import Gate
from services.prove.drill import Drill, KillBroken
from services.prove.kill_live import drill_live
from services.prove.proof import ProofResult, Report, Size

SUMMARY: Final = (
    "Kills with good, malformed, expired and repeated bodies, each followed by intents, restarts and resets "
    "that must not work: by one person twice, too early, expired, replayed, unseen, foreign, malformed. "
    "Then two people reset it, and approvals must come back. "
    "The same live, on the shipped process and broker."
)
SCHEDULES: Final[dict[Size, int]] = {"S": 2_000, "L": 20_000}
LIVE_DRILLS: Final[dict[Size, int]] = {"S": 1, "L": 20}
MOVES_MAX: Final = 30
REFUSALS: Final = frozenset(RefusalCode)


def prove(size: Size, seed: int, report: Report) -> ProofResult:
    """Run every part at this size: the core under many schedules, then the shipped process."""
    core = prove_core(size, seed, report)
    if not core.passed:
        return core
    report("the core held; now the shipped gate on a real broker, under a stream of intents")
    drills = []
    for number in range(1, LIVE_DRILLS[size] + 1):
        drills.append(drill_live())
        report(f"live drill {number} of {LIVE_DRILLS[size]}: {drills[-1].story}")
        if drills[-1].failure:
            return replace(core, passed=False, figure=f"live drill {number}: {drills[-1].failure}")
    slowest_ms = max(drill.halt_ms for drill in drills)
    denied = sum(drill.denied_after for drill in drills)
    live = f"live: {len(drills)} kills, 0 of {denied:,} approved, first refusal within {slowest_ms:.0f} ms"
    detail = core.detail | {"live_drills": len(drills), "live_denied": denied, "live_halt_ms_max": slowest_ms}
    return replace(core, figure=f"{core.figure}; {live}", detail=detail)


def prove_core(size: Size, seed: int, report: Report, *, make: Callable[[], Gate] = Gate) -> ProofResult:
    """Run ``SCHEDULES[size]`` drills, each against a new gate that ``make`` makes."""
    counts: Counter[str] = Counter()
    schedules = SCHEDULES[size]
    for schedule in range(schedules):
        rng = random.Random(f"{seed}/{schedule}")  # noqa: S311 - a seed that repeats is the point
        try:
            Drill(rng, make(), counts).run(rng.randint(1, MOVES_MAX))
        except KillBroken as broken:
            return _result(size, seed, counts, f"schedule {seed}/{schedule}, {broken}")
        if (schedule + 1) % (schedules // 10) == 0:
            report(f"{schedule + 1:,} of {schedules:,} schedules, {counts['kills']:,} kills held")
    unseen = [code for code in REFUSALS if not counts[f"refused_{code}"]]
    return _result(size, seed, counts, f"refusals never tried: {', '.join(sorted(unseen))}" if unseen else "")


def _result(size: Size, seed: int, counts: Counter[str], failure: str) -> ProofResult:
    refused = sum(count for name, count in counts.items() if name.startswith("refused_"))
    held = (
        f"{counts['kills']:,} kills: 0 of {counts['denied']:,} intents approved after the latch, "
        f"{refused:,} abusive commands refused, {counts['resets']:,} resets by two people"
    )
    return ProofResult(
        proof="kill",
        size=size,
        seed=seed,
        passed=not failure,
        figure=failure or held,
        detail=dict(sorted(counts.items())),
    )
