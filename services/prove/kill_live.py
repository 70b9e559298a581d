"""The live part of the proof ``kill``: the shipped gate on a real broker, under a stream of intents."""

import asyncio
import time
from typing import NamedTuple

from contracts import codec, subjects
from contracts.control import CommandAnswered, CommandName, OperatorCommand, RefusalCode
from contracts.states import TradingStateChanged
from contracts.verdicts import Outcome, Verdict
from services.bench.rig import SETTLE_S, beside, measure, vouch_for_the_audit
from services.bench.traffic import Traffic
from services.cli.buses import open_bus
from services.cli.stack import Stack
from streams.bus import Bus, Message

PROPOSE_S = 0.005
BEFORE_S = AFTER_S = 1.0
COOL_OFF_S = 3.2
"""The shipped limits cool off for 3 s."""

ANSWER_TIMEOUT_S = 5.0
FAR_NS = 3_600_000_000_000
ONE, TWO = "operator1", "operator2"


class LiveKill(NamedTuple):
    """What one live drill saw.

    Attributes:
        failure: The first thing that was not as it had to be; empty where all was.
        halt_ms: From the command's publish to the first verdict after it.
    """

    failure: str
    approved_before: int
    approved_after: int
    denied_after: int
    approved_again: int
    halt_ms: float


def drill_live() -> LiveKill:
    """Kill a gate that is approving, try what must not lift it, and reset it by two people."""
    return measure(("gate",), _run)


class _Watcher:
    """Everything the gate said, in the order in which it was heard."""

    def __init__(self) -> None:
        self.verdicts: list[tuple[float, Verdict]] = []
        self.states: list[TradingStateChanged] = []
        self.answers: dict[str, CommandAnswered] = {}

    def take_verdict(self, message: Message) -> None:
        self.verdicts.append((time.perf_counter(), codec.decode(Verdict, message.payload)))

    def take_state(self, message: Message) -> None:
        self.states.append(codec.decode(TradingStateChanged, message.payload))

    def take_answer(self, message: Message) -> None:
        answer = codec.decode(CommandAnswered, message.payload)
        self.answers[answer.nonce] = answer

    def approved(self, first_seq: int, last_seq: int) -> int:
        """Approvals decided in ``first_seq .. last_seq``."""
        return sum(
            verdict.outcome is Outcome.APPROVED and first_seq <= verdict.gate_seq <= last_seq
            for _, verdict in self.verdicts
        )


async def _run(stack: Stack) -> LiveKill:
    live, traffic, watcher = stack.ground.live, Traffic(), _Watcher()
    async with (
        open_bus(live, "predict") as predict,
        open_bus(live, "feed") as feed,
        open_bus(live, "recorder") as recorder,
        open_bus(live, ONE) as one,
        open_bus(live, TWO) as two,
        beside(vouch_for_the_audit(recorder, stack.ground.run.run_id), traffic.market(feed)),
    ):
        viewer = stack.viewer
        await viewer.subscribe(subjects.ALL_VERDICTS, watcher.take_verdict)
        await viewer.subscribe(subjects.RISK_STATE, watcher.take_state)
        await viewer.subscribe(subjects.AUDIT_COMMAND, watcher.take_answer)
        await asyncio.sleep(SETTLE_S)
        async with beside(_propose(traffic, predict)):
            return await _drill(traffic, watcher, {ONE: one, TWO: two})


async def _propose(traffic: Traffic, predict: Bus) -> None:
    index = 0
    while True:
        await traffic.propose(predict, index)
        index += 1
        await asyncio.sleep(PROPOSE_S)


async def _drill(traffic: Traffic, watcher: _Watcher, people: dict[str, Bus]) -> LiveKill:
    await asyncio.sleep(BEFORE_S)
    killed_s = time.perf_counter()
    kill = await _command(traffic, watcher, people, "kill", ONE)
    refusals = [
        (
            "a reset before the cool-off",
            RefusalCode.COOL_OFF,
            await _reset(traffic, watcher, people, ONE, kill),
        ),
    ]
    await asyncio.sleep(COOL_OFF_S)
    expired = await _command(
        traffic, watcher, people, "reset", ONE, seen=kill.gate_seq, expires_ts_ns=traffic.now_ns - FAR_NS
    )
    refusals.append(("a reset after it expired", RefusalCode.EXPIRED, expired))
    first = await _reset(traffic, watcher, people, ONE, kill)
    again = await _reset(traffic, watcher, people, ONE, kill)
    refusals.append(("a second reset by the first person", RefusalCode.SAME_OPERATOR, again))
    second = await _reset(traffic, watcher, people, TWO, kill)
    await asyncio.sleep(AFTER_S)
    last_seq = watcher.verdicts[-1][1].gate_seq
    approved_after = watcher.approved(kill.gate_seq, second.gate_seq)
    after = [(at_s, verdict) for at_s, verdict in watcher.verdicts if verdict.gate_seq > kill.gate_seq]
    wrong = [
        f"{what}: answered {answer.code}, expected {code}"
        for what, code, answer in refusals
        if answer.code != code
    ]
    wrong += [] if first.waits_for_second and second.is_accepted else ["two people could not reset it"]
    wrong += [f"{approved_after} approvals after the latch"] if approved_after else []
    found = LiveKill(
        failure=wrong[0] if wrong else "",
        approved_before=watcher.approved(0, kill.gate_seq),
        approved_after=approved_after,
        denied_after=sum(verdict.gate_seq < second.gate_seq for _, verdict in after),
        approved_again=watcher.approved(second.gate_seq, last_seq),
        halt_ms=(after[0][0] - killed_s) * 1e3,
    )
    if not found.failure and not (found.approved_before and found.denied_after and found.approved_again):
        return found._replace(failure=f"nothing was at stake: {found}")
    return found


async def _reset(
    traffic: Traffic, watcher: _Watcher, people: dict[str, Bus], operator: str, kill: CommandAnswered
) -> CommandAnswered:
    return await _command(traffic, watcher, people, "reset", operator, seen=kill.gate_seq)


async def _command(
    traffic: Traffic,
    watcher: _Watcher,
    people: dict[str, Bus],
    name: CommandName,
    operator: str,
    *,
    seen: int = 0,
    expires_ts_ns: int = 0,
) -> CommandAnswered:
    """Give a command and wait for its answer. Raises TimeoutError."""
    command = OperatorCommand(
        command=name,
        operator=operator,
        nonce=f"{time.time_ns():032x}",
        reason="proof of the kill switch",
        expires_ts_ns=expires_ts_ns or traffic.now_ns + FAR_NS,
        expected_gate_seq=seen,
    )
    await people[operator].publish_acked(
        subjects.control(name, operator), codec.encode(command), msg_id=command.nonce, stream="CONTROL"
    )
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while command.nonce not in watcher.answers:
            await asyncio.sleep(0.002)
    return watcher.answers[command.nonce]
