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
from services.kit.live import Live
from streams.bus import Bus, Message, NotAcked

PROPOSE_S = 0.005
BEFORE_S = AFTER_S = 1.0
COOL_OFF_S = 3.2
"""The shipped limits cool off for 3 s."""

ANSWER_TIMEOUT_S = 5.0
FAR_NS = 3_600_000_000_000
ONE, TWO = "operator1", "operator2"
OTHERS = ("predict", "features", "feed", "recorder", "viewer", "slm", TWO)
"""Credentials that must not command as operator ONE, the second operator's among them."""


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

    @property
    def story(self) -> str:
        """One line for the person who watches the proof."""
        return self.failure or (
            f"{self.approved_before} approved before the kill, {self.approved_after} of {self.denied_after} "
            f"after it, first refusal within {self.halt_ms:.0f} ms, "
            f"{self.approved_again} approved after the reset"
        )


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
            controls = _Controls(traffic, watcher, {ONE: one, TWO: two})
            return await _drill(live, controls, watcher)


async def _propose(traffic: Traffic, predict: Bus) -> None:
    index = 0
    while True:
        await traffic.propose(predict, index)
        index += 1
        await asyncio.sleep(PROPOSE_S)


class _Controls:
    """The operators' desks: each command with its own person's credential, and its answer."""

    def __init__(self, traffic: Traffic, watcher: _Watcher, people: dict[str, Bus]) -> None:
        self._traffic, self._watcher, self._people = traffic, watcher, people

    async def give(
        self, name: CommandName, operator: str, *, seen: int = 0, expires_in_ns: int = FAR_NS
    ) -> CommandAnswered:
        """Give a command and wait for its answer. Raises TimeoutError."""
        command = OperatorCommand(
            command=name,
            operator=operator,
            nonce=f"{time.time_ns():032x}",
            reason="proof of the kill switch",
            expires_ts_ns=self._traffic.now_ns + expires_in_ns,
            expected_gate_seq=seen,
        )
        await self._people[operator].publish_acked(
            subjects.control(name, operator), codec.encode(command), msg_id=command.nonce, stream="CONTROL"
        )
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while command.nonce not in self._watcher.answers:
                await asyncio.sleep(0.002)
        return self._watcher.answers[command.nonce]


async def _drill(live: Live, controls: _Controls, watcher: _Watcher) -> LiveKill:
    await asyncio.sleep(BEFORE_S)
    killed_s = time.perf_counter()
    kill = await controls.give("kill", ONE)
    wrong = [f"{name} could command the gate" for name in await _intruders(live)]
    early = await controls.give("reset", ONE, seen=kill.gate_seq)
    await asyncio.sleep(COOL_OFF_S)
    expired = await controls.give("reset", ONE, seen=kill.gate_seq, expires_in_ns=-FAR_NS)
    first = await controls.give("reset", ONE, seen=kill.gate_seq)
    again = await controls.give("reset", ONE, seen=kill.gate_seq)
    second = await controls.give("reset", TWO, seen=kill.gate_seq)
    await asyncio.sleep(AFTER_S)
    wrong += _unlike(early, RefusalCode.COOL_OFF, "a reset before the cool-off")
    wrong += _unlike(expired, RefusalCode.EXPIRED, "a reset after it expired")
    wrong += _unlike(first, None, "a first reset")
    wrong += _unlike(again, RefusalCode.SAME_OPERATOR, "a second reset by the first person")
    wrong += _unlike(second, None, "the second person's reset")
    return _judged(watcher, kill.gate_seq, second.gate_seq, killed_s, wrong)


def _judged(watcher: _Watcher, kill_seq: int, reset_seq: int, killed_s: float, wrong: list[str]) -> LiveKill:
    after = [(at_s, verdict) for at_s, verdict in watcher.verdicts if verdict.gate_seq > kill_seq]
    approved_after = watcher.approved(kill_seq, reset_seq)
    wrong += [f"{approved_after} approvals after the latch"] if approved_after else []
    found = LiveKill(
        failure=wrong[0] if wrong else "",
        approved_before=watcher.approved(0, kill_seq),
        approved_after=approved_after,
        denied_after=sum(verdict.gate_seq < reset_seq for _, verdict in after),
        approved_again=watcher.approved(reset_seq, watcher.verdicts[-1][1].gate_seq),
        halt_ms=(after[0][0] - killed_s) * 1e3,
    )
    if not found.failure and not (found.approved_before and found.denied_after and found.approved_again):
        return found._replace(failure=f"nothing was at stake: {found.story}")
    return found


def _unlike(answer: CommandAnswered, code: RefusalCode | None, what: str) -> list[str]:
    return [] if answer.code == code else [f"{what}: answered {answer.code}, expected {code}"]


async def _intruders(live: Live) -> list[str]:
    """Who is not operator ONE, and could publish as that operator all the same."""
    able = []
    for name in OTHERS:
        async with open_bus(live, name) as bus:
            try:
                await bus.publish_acked(
                    subjects.control("reset", ONE),
                    b"\xc1",
                    msg_id=f"intruder-{name}",
                    stream="CONTROL",
                    attempts=1,
                )
            except NotAcked:
                continue
            able.append(name)
    return able
