"""Rendering: one request's values in one prompt's places. The same values give the same bytes."""

import json
from collections.abc import Iterable
from hashlib import sha256

from msgspec import Struct

from contracts.features import FeatureRow
from contracts.scalars import MICRO
from contracts.slm import ForeignText, HeldPosition, Ladder, SlmRequest
from llm.prompts.prompt import Prompt
from llm.prompts.slot import slot

NONE = "none"
"""Stands for an empty list."""


class Rendered(Struct, frozen=True, kw_only=True):
    """What a model is given, as two messages of a chat.

    Attributes:
        prompt_hash: SHA-256 of both messages as canonical JSON.
    """

    prompt_id: str
    system: str
    user: str
    prompt_hash: str


def render(prompt: Prompt, request: SlmRequest) -> Rendered:
    """The prompt for a request that was decoded, so that its names keep their patterns.

    Nothing of the request's identity or clock is shown but differences of event time, so that
    the same situation asks the same question.
    """
    user = prompt.user.format(
        features=_lines(map(_feature_line, request.features)),
        positions=_lines(map(_position_line, request.positions)),
        moves=_lines(map(_move_line, request.headroom.ladders)),
        foreign=_lines(_slots(request.foreign, request.ts_event_ns)),
    )
    messages = json.dumps([prompt.system, user], ensure_ascii=False, separators=(",", ":"))
    return Rendered(
        prompt_id=prompt.prompt_id,
        system=prompt.system,
        user=user,
        prompt_hash=sha256(messages.encode()).hexdigest(),
    )


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) or NONE


def _feature_line(row: FeatureRow) -> str:
    values = (f"{name}={_value(row.values[name])}" for name in sorted(row.values))
    return f"{row.symbol} at {_number(row.price)}: {', '.join(values)}"


def _value(value: float | None) -> str:
    return "warming_up" if value is None else f"{value:.6g}"


def _position_line(position: HeldPosition) -> str:
    price = _number(position.mark_price_micro / MICRO)
    return f"{position.symbol}: {position.lots:+d} lots held, {position.open_lots:+d} open, marked at {price}"


def _move_line(ladder: Ladder) -> str:
    rungs = ", ".join(f"{_number(rung.target_notional)} ({rung.lots} lots)" for rung in ladder.rungs)
    slippage = f"{ladder.slippage_bps_min} to {ladder.slippage_bps_max} bps"
    return f"{ladder.action} to {ladder.symbol} {ladder.side}: {rungs}; slippage {slippage}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _slots(foreign: tuple[ForeignText, ...], now_ns: int) -> list[str]:
    return [slot(number, text, now_ns) for number, text in enumerate(foreign, start=1)]
