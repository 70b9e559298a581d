"""What reaches the gate: intents, commands and ticks of the timer, in the order it will decide."""

import asyncio
from collections.abc import Iterable

from msgspec import Struct

from contracts import subjects
from contracts.gate import RecordKind
from services.kit.recovery import place_of
from streams.bus import Bus, Message

QUEUE_MAX = 1_024
"""Inputs that wait at the most. A full queue stops the pulling; the broker keeps the rest."""

TIMER_S = 0.05
"""How often the timer looks whether gate time has moved on."""

INTENTS_PREFIX = "INTENTS_"


class Input(Struct, frozen=True):
    """One input and who sent it. ``message`` is None for a timer and for the configuration."""

    kind: RecordKind
    message: Message | None = None
    principal: str = ""
    incarnation: str = ""
    body: bytes = b""

    @property
    def place(self) -> str:
        """Where it lies on the bus, for ever: known by it where it shows no identity (rule R5)."""
        return (
            place_of(self.message.stream, self.incarnation, self.message.stream_seq) if self.message else ""
        )


def principal_of(stream: str) -> str:
    """Whose intents a stream holds: one stream a principal, so the broker vouches for the name."""
    return stream.removeprefix(INTENTS_PREFIX).lower()


async def pull_intents(bus: Bus, stream: str, durable: str, queue: asyncio.Queue[Input]) -> None:
    """Hand over every intent of one principal's stream, for ever."""
    incarnation = (await bus.stream_state(stream)).created
    principal = principal_of(stream)
    async for batch in bus.consume(stream, durable, pin_group=durable):
        for message in batch:
            await queue.put(Input(RecordKind.INTENT, message, principal, incarnation, message.payload))


async def read_controls(bus: Bus, stream: str, start_seq: int, queue: asyncio.Queue[Input]) -> None:
    """Hand over every command from ``start_seq`` on, for ever."""
    incarnation = (await bus.stream_state(stream)).created
    async for batch in bus.read(stream, start_seq=start_seq):
        for message in batch:
            operator = _operator_of(message.subject)
            await queue.put(Input(RecordKind.CONTROL, message, operator, incarnation, message.payload))


async def tick_timer(queue: asyncio.Queue[Input]) -> None:
    """Wake the gate every ``TIMER_S``; it writes a timer record only where time has moved on."""
    while True:
        await asyncio.sleep(TIMER_S)
        if queue.empty():
            await queue.put(Input(RecordKind.TIMER))


def _operator_of(subject: str) -> str:
    try:
        return subjects.parse_control(subject).operator
    except subjects.SubjectInvalid:
        return ""


def intent_streams(principals: Iterable[str]) -> list[str]:
    """The streams of these principals."""
    return [f"{INTENTS_PREFIX}{principal.upper()}" for principal in principals]
