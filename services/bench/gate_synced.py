"""Gate, case ``synced``: intents at a steady rate through the fsynced bus, the log and the fence."""

import asyncio
import time

from contracts import codec, subjects
from contracts.verdicts import Outcome, Verdict
from services.bench.quantiles import quantiles_ms
from services.bench.result import BenchResult
from services.bench.rig import SETTLE_S, beside, measure, vouch_for_the_audit
from services.bench.traffic import Traffic
from services.cli.buses import open_bus
from services.cli.stack import Stack
from streams.bus import Bus, Message

RATE_HZ = 100
INTENTS = 500
FLOORS = 100


def synced(runs: int) -> BenchResult:
    """From an intent's publish to its verdict, through the process; beside two bare fsynced publishes."""
    taken, floor, approved = [], [], 0
    for _ in range(runs):
        latencies_s, floors_s, approvals = measure(("gate",), _run)
        taken += latencies_s
        floor += floors_s
        approved += approvals
    value, reference = quantiles_ms(taken)["p50"], quantiles_ms(floor)["p50"]
    counts = {"rate_hz": RATE_HZ, "intents": len(taken), "approved": approved}
    return BenchResult(
        bench="gate",
        case="synced",
        value=value,
        unit="ms",
        reference="two fsynced publishes one after another",
        reference_value=reference,
        ratio=reference / value,
        runs=runs,
        detail=quantiles_ms(taken) | counts,
    )


async def _run(stack: Stack) -> tuple[list[float], list[float], int]:
    live, traffic = stack.ground.live, Traffic()
    came_s: dict[str, float] = {}
    approved: set[str] = set()

    def take(message: Message) -> None:
        verdict = codec.decode(Verdict, message.payload)
        came_s.setdefault(verdict.intent_id, time.perf_counter())
        if verdict.outcome is Outcome.APPROVED:
            approved.add(verdict.intent_id)

    async with (
        open_bus(live, "predict") as predict,
        open_bus(live, "feed") as feed,
        open_bus(live, "recorder") as recorder,
        beside(vouch_for_the_audit(recorder, stack.ground.run.run_id), traffic.market(feed)),
    ):
        await stack.viewer.subscribe(subjects.ALL_VERDICTS, take)
        await asyncio.sleep(SETTLE_S)
        sent_s = await _propose(traffic, predict)
        async with asyncio.timeout(10.0):
            while len(came_s) < len(sent_s):
                await asyncio.sleep(0.01)
        floor = await _floor(feed)
    return [came_s[key] - sent_s[key] for key in sent_s], floor, len(approved)


async def _propose(traffic: Traffic, predict: Bus) -> dict[str, float]:
    """Propose at ``RATE_HZ``; when each was sent."""
    begin_s = time.perf_counter()
    sent_s = {}
    for index in range(INTENTS):
        await asyncio.sleep(max(0.0, begin_s + index / RATE_HZ - time.perf_counter()))
        sent_s[traffic.intent_id(index)] = time.perf_counter()
        await traffic.propose(predict, index)
    return sent_s


async def _floor(bus: Bus) -> list[float]:
    """The cost that no gate can avoid: two messages, each synced before it is acked."""
    subject = subjects.dead("feed")
    taken_s = []
    for index in range(FLOORS):
        begin_s = time.perf_counter()
        for half in ("a", "b"):
            await bus.publish_acked(subject, b"floor", msg_id=f"floor-{index}{half}", stream="DEAD")
        taken_s.append(time.perf_counter() - begin_s)
        await asyncio.sleep(0.005)
    return taken_s
