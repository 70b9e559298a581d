"""Operators' commands: given with the operator's own credential, answered by the gate."""

import asyncio
import secrets
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec import Struct

from contracts import subjects
from contracts.codec import Undecodable, decode, encode
from contracts.control import CommandAnswered, CommandName, OperatorCommand, RefusalCode
from contracts.operations import Heartbeat
from contracts.scalars import INT64_MAX, SECOND_NS
from services.cli.buses import open_bus
from services.cli.options import the_live
from services.cli.trouble import Trouble, Unknown
from services.kit.layout import Home
from services.kit.live import Live

if TYPE_CHECKING:
    from streams.bus import Bus, Message

STREAM = "CONTROL"
BEAT_WAIT_S = 1.0
ANSWER_WAIT_S = 5.0
VALID_NS = 600 * SECOND_NS
"""Of gate time, which a paced replay of old data may run many times faster than the wall."""


class Given(Struct, frozen=True, kw_only=True):
    """What became of a command.

    Attributes:
        stored_seq: Its sequence in the CONTROL stream: from here on it cannot be lost.
        answer: The gate's; None where the gate was not there to answer.
    """

    command: str
    operator: str
    stored_seq: int
    answer: CommandAnswered | None


def operator_options(function: click.decorators.FC) -> click.decorators.FC:
    """``--as`` and ``--reason``, which every command of an operator takes."""
    for option in (
        click.option("--reason", required=True, help="For the record."),
        click.option("--as", "operator", required=True, help="The operator whose credential is used."),
    ):
        function = option(function)
    return function


def command_the_gate(home: Home, command: CommandName, operator: str, reason: str, *, as_json: bool) -> None:
    """Give a command, print what became of it, and end with status 1 where it was refused."""
    stack = the_live(home)
    _check_operator(stack, operator)
    given = asyncio.run(_give(stack, command, operator, reason))
    if as_json:
        click.echo(msgspec.json.encode(given).decode())
    else:
        click.echo(told(given))
    if given.answer is not None and not given.answer.is_accepted:
        raise SystemExit(1)


def told(given: Given) -> str:
    """One line for the person who gave the command."""
    answer = given.answer
    if answer is None:
        return (
            f"{given.command} is stored (CONTROL {given.stored_seq}), but the gate did not answer; "
            f"nothing is approved while it is down, and it obeys as soon as it is back"
        )
    if not answer.is_accepted:
        return f"{given.command} refused: {_why(answer)}"
    if answer.waits_for_second:
        return (
            f"{given.command} accepted at gate sequence {answer.gate_seq}; it waits for a second operator: "
            f"penstock reset --as OTHER --reason …"
        )
    effect = {
        "kill": "nothing is approved after it; a reset takes two operators",
        "reduce": "only what brings exposure nearer to flat is approved; a reset takes two operators",
        "reset": "trading is ACTIVE again",
    }[given.command]
    return f"{given.command} in force at gate sequence {answer.gate_seq}: {effect}"


def _why(answer: CommandAnswered) -> str:
    found, allowed = answer.found, answer.allowed
    match answer.code:
        case RefusalCode.COOL_OFF:
            return f"COOL_OFF: {found / 1e9:.1f} s of gate time since the kill; {allowed / 1e9:g} s must pass"
        case RefusalCode.SAME_OPERATOR:
            return "SAME_OPERATOR: the second reset must come from another operator than the first"
        case RefusalCode.NOTHING_TO_RESET:
            return "NOTHING_TO_RESET: the trading state does not call for it"
        case RefusalCode.EXPIRED:
            return "EXPIRED: gate time had passed the command's end; give it again"
        case RefusalCode.NOT_SEEN:
            return f"NOT_SEEN: given at gate sequence {found}, before the one it would undo ({allowed})"
        case code:
            return str(code)


def _check_operator(stack: Live, operator: str) -> None:
    file = stack.seed_file(operator)
    if file is None:
        return
    from ops.authority.table import service_principals

    if operator in service_principals() or not file.is_file():
        names = {path.stem for path in file.parent.glob("*.nk")} - service_principals()
        raise Unknown("operator", operator, names)


async def _give(stack: Live, command: CommandName, operator: str, reason: str) -> Given:
    async with open_bus(stack, "viewer") as viewer, open_bus(stack, operator) as bus:
        gate = _Gate()
        await gate.listen(viewer)
        beat = await gate.beat()
        if beat is None and command != "kill":
            raise Trouble(f"the gate is not heard, and a {command} needs its answer; see `penstock status`")
        order = OperatorCommand(
            command=command,
            operator=operator,
            nonce=secrets.token_hex(16),
            reason=reason,
            expires_ts_ns=beat.ts_event_ns + VALID_NS if beat else INT64_MAX,
            expected_gate_seq=beat.position if beat else 0,
        )
        ack = await bus.publish_acked(
            subjects.control(command, operator), encode(order), msg_id=order.nonce, stream=STREAM
        )
        answer = await gate.answer(order.nonce)
    if answer is None and command != "kill":
        raise Trouble(
            f"the gate did not answer within {ANSWER_WAIT_S:g} s; the {command} is stored "
            f"(CONTROL {ack.seq}) and may still take effect: see `penstock status`"
        )
    return Given(command=command, operator=operator, stored_seq=ack.seq, answer=answer)


class _Gate:
    """What is heard of the gate: its beats and its answers."""

    def __init__(self) -> None:
        self._beat: Heartbeat | None = None
        self._heard = asyncio.Event()
        self._answers: dict[str, CommandAnswered] = {}
        self._news = asyncio.Event()

    async def listen(self, bus: "Bus") -> None:
        await bus.subscribe(subjects.ALL_HEARTBEATS, self._on_beat)
        await bus.subscribe(subjects.AUDIT_COMMAND, self._on_answer)

    async def beat(self) -> Heartbeat | None:
        """The gate's newest beat, or None where none comes in time."""
        try:
            await asyncio.wait_for(self._heard.wait(), BEAT_WAIT_S)
        except TimeoutError:
            return None
        return self._beat

    async def answer(self, nonce: str) -> CommandAnswered | None:
        """The answer to that command, or None where none comes in time."""
        try:
            async with asyncio.timeout(ANSWER_WAIT_S if self._beat else BEAT_WAIT_S):
                while nonce not in self._answers:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None
        return self._answers[nonce]

    def _on_beat(self, message: "Message") -> None:
        try:
            beat = decode(Heartbeat, message.payload)
        except Undecodable:
            return
        if beat.service == "gate" and beat.is_ready:
            self._beat = beat
            self._heard.set()

    def _on_answer(self, message: "Message") -> None:
        try:
            answer = decode(CommandAnswered, message.payload)
        except Undecodable:
            return
        self._answers[answer.nonce] = answer
        self._news.set()
