"""What ``penstock watch`` does: subscribe, decode, print, for as long as somebody looks."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import Struct

from contracts import subjects
from contracts.codec import Undecodable, decode_any
from contracts.features import FeatureBatch
from contracts.market import TickBatch
from services.cli.buses import open_bus
from services.cli.lines import line_of
from services.cli.trouble import Trouble, Unknown
from services.kit.live import Live

if TYPE_CHECKING:
    from streams.bus import Message

WAITING_MAX = 1_024
"""Messages that wait for the terminal; more are left out, and counted."""

WORDS: dict[str, tuple[str, ...]] = {
    "verdicts": (subjects.ALL_VERDICTS,),
    "intents": (subjects.ALL_INTENTS,),
    "trades": (subjects.ALL_TRADES,),
    "quotes": (subjects.ALL_QUOTES,),
    "bars": (subjects.ALL_BARS,),
    "features": (subjects.ALL_FEATURES,),
    "breakers": (subjects.ALL_BREAKERS,),
    "states": (subjects.RISK_STATE,),
    "commands": (subjects.ALL_CONTROL,),
    "answers": (subjects.AUDIT_COMMAND,),
    "beats": (subjects.ALL_HEARTBEATS,),
    "clock": (subjects.CLOCK,),
    "dead": (subjects.ALL_DEAD,),
    "everything": (
        subjects.ALL_INTENTS, subjects.ALL_VERDICTS, subjects.ALL_BREAKERS, subjects.RISK_STATE,
        subjects.ALL_CONTROL, subjects.AUDIT_COMMAND, subjects.ALL_BARS, subjects.ALL_DEAD,
    ),
}  # fmt: skip
"""``everything`` is what a person can read: not the ticks, features, clocks and beats."""


def subjects_of(what: str) -> Sequence[str]:
    """The subjects that a word or a subject means. Raises Unknown."""
    if what in WORDS:
        return WORDS[what]
    families = {family.split(".")[0] for family in subjects.TEMPLATES}
    if what.split(".", maxsplit=1)[0] not in families or any(not token for token in what.split(".")):
        raise Unknown("subject", what, WORDS)
    return (what,)


async def watch_live(stack: Live, wanted: Sequence[str], count: int | None, *, as_json: bool) -> None:
    """Print messages until ``count`` of them were printed, or for ever."""
    from streams.bus.messages import MSG_ID_HEADER

    waiting: asyncio.Queue[Message] = asyncio.Queue(WAITING_MAX)
    left_out = 0

    seen: deque[str] = deque(maxlen=WAITING_MAX)

    def take(message: "Message") -> None:
        nonlocal left_out
        msg_id = message.headers.get(MSG_ID_HEADER, "")
        if msg_id and msg_id in seen:  # said again until the broker confirmed; streams keep it once
            return
        seen.append(msg_id)
        if waiting.full():
            left_out += 1
        else:
            waiting.put_nowait(message)

    async with open_bus(stack, "viewer") as bus:
        for subject in wanted:
            await bus.subscribe(subject, take)
        await bus.flush()
        if bus.counters.permission_violations:
            raise Trouble(f"the viewer may not listen to {' '.join(wanted)}; ask for less at a time")
        if not as_json:
            click.echo(f"watching {' '.join(wanted)} of run {stack.run_id}; Ctrl-C ends it", err=True)
        printed = 0
        while count is None or printed < count:
            message = await waiting.get()
            click.echo(rendered(message.subject, message.payload, as_json=as_json))
            printed += 1
            if left_out:
                click.echo(f"{left_out} messages passed too fast and were left out", err=True)
                left_out = 0


def rendered(subject: str, payload: bytes, *, as_json: bool) -> str:
    """One message as a line of text or of JSON; bytes that do not decode are told as such."""
    try:
        message = decode_any(payload)
    except Undecodable as error:
        if as_json:
            return json.dumps({"subject": subject, "undecodable": str(error), "bytes": len(payload)})
        return f"{'':<12} UNDECODABLE {subject} {len(payload)} bytes: {error}"
    if as_json:
        return msgspec.json.encode({"subject": subject, "message": _readable(message)}).decode()
    return line_of(subject, message)


def _readable(message: Struct) -> Any:
    """The message, its packed columns as rows. Any: JSON of whatever type it is."""
    from contracts.columns import feature_rows, ticks

    if not isinstance(message, TickBatch | FeatureBatch):
        return message
    rows = ticks(message) if isinstance(message, TickBatch) else feature_rows(message)
    header = {name: getattr(message, name) for name in message.__struct_fields__ if name != "columns"}
    return header | {"rows": rows}
