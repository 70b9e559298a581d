"""Messages as one line each, for people at a terminal."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from contracts.control import CommandAnswered, OperatorCommand
from contracts.features import FeatureBatch
from contracts.intents import Intent
from contracts.market import Bar, Clock, TickBatch
from contracts.operations import DeadLetter, Heartbeat
from contracts.states import BreakerChanged, TradingStateChanged
from contracts.verdicts import Verdict, describe

Told = tuple[int, str]
"""Event time, 0 for none, and the text after it."""


def event_time(ts_ns: int) -> str:
    """Event time of day in UTC, to the millisecond."""
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]


def line_of(subject: str, message: Struct) -> str:
    """One line: event time, kind, and what a person would ask first."""
    telling = _TELLING.get(type(message))
    ts_ns, text = telling(message) if telling else (0, subject)
    return f"{event_time(ts_ns) if ts_ns else '':<12} {text}"


def _verdict(message: Verdict) -> Told:
    head = f"{message.strategy_id:<12} {message.symbol:<6} {message.outcome:<8} {message.code or '':<21}"
    return message.gate_ts_ns, f"verdict {head} {describe(message)}"


def _intent(message: Intent) -> Told:
    wish = f"{message.side} {message.target_notional:,.0f} {message.urgency}"
    return message.ts_event_ns, f"intent  {message.strategy_id:<12} {message.symbol:<6} {wish}"


def _ticks(message: TickBatch) -> Told:
    rows = f"{message.kind}s {message.first_seq}..{message.first_seq + message.count - 1} of {message.source}"
    return _newest_ns(message), f"ticks   {message.venue} {message.symbol:<6} {rows}"


def _features(message: FeatureBatch) -> Told:
    rows = f"{message.count} rows of {len(message.names)} features ({message.set})"
    return _newest_ns(message), f"feature {message.venue} {message.symbol:<6} {rows}"


def _bar(message: Bar) -> Told:
    prices = (
        f"o {message.open:g} h {message.high:g} l {message.low:g} c {message.close:g} v {message.volume:g}"
    )
    return message.ts_event_ns, f"bar     {message.venue} {message.symbol:<6} {message.interval} {prices}"


def _clock(message: Clock) -> Told:
    return message.ts_event_ns, f"clock   {message.source}{' final' if message.is_final else ''}"


def _breaker(message: BreakerChanged) -> Told:
    move = f"{message.previous} -> {message.state} ({message.cause}, {message.faults} faults)"
    return message.ts_event_ns, f"breaker {message.name} {message.key} {move}"


def _state(message: TradingStateChanged) -> Told:
    move = f"{message.previous} -> {message.state}{' KILLED' if message.is_killed else ''}"
    return message.ts_event_ns, f"state   {move} by {' and '.join(message.operators)}: {message.cause}"


def _command(message: OperatorCommand) -> Told:
    return 0, f"command {message.command} by {message.operator}: {message.reason}"


def _answer(message: CommandAnswered) -> Told:
    made = "accepted" if message.is_accepted else f"refused {message.code}"
    return message.ts_event_ns, f"answer  {message.command} by {message.operator}: {made}"


def _beat(message: Heartbeat) -> Told:
    state = "ready" if message.is_ready else "not ready"
    trouble = "" if message.is_ok else f" NOT OK {message.cause}"
    return message.ts_event_ns, f"beat    {message.service} {state} at {message.position}{trouble}"


def _letter(message: DeadLetter) -> Told:
    return (
        message.ts_event_ns,
        f"dead    {message.cause} x{message.count} from {message.origin}: {message.detail}",
    )


_TELLING: dict[type[Struct], Callable[[Any], Told]] = {  # Any: each takes the type it stands beside
    Verdict: _verdict,
    Intent: _intent,
    TickBatch: _ticks,
    FeatureBatch: _features,
    Bar: _bar,
    Clock: _clock,
    BreakerChanged: _breaker,
    TradingStateChanged: _state,
    OperatorCommand: _command,
    CommandAnswered: _answer,
    Heartbeat: _beat,
    DeadLetter: _letter,
}


def _newest_ns(batch: TickBatch | FeatureBatch) -> int:
    from contracts.columns import feature_columns, tick_columns

    columns = tick_columns(batch) if isinstance(batch, TickBatch) else feature_columns(batch)
    return int(columns["ts_event_ns"][-1])
