"""How things stand: the report of ``penstock status``, of a stack that is up or down."""

import asyncio
from collections.abc import Iterator

from msgspec import Struct

from contracts import subjects
from contracts.codec import Undecodable, decode
from contracts.market import Clock
from contracts.operations import Heartbeat
from contracts.states import BreakerChanged, TradingState, TradingStateChanged
from services.cli.buses import open_bus
from services.cli.stack import SERVICES
from services.cli.standing import gate_of, unseen_kills
from services.kit import live
from services.kit.beats import Beats
from services.kit.layout import Home
from services.kit.live import Live
from streams.bus import Bus, BusError, StreamState

LISTEN_S = 0.6
"""Two heartbeats and some; who says nothing in it is silent."""

STREAMS = (
    "MARKET",
    "BARS",
    "FEATURES",
    "INTENTS_PREDICT",
    "INTENTS_DRILL",
    "VERDICTS",
    "RISK",
    "CONTROL",
    "DEAD",
)


class ServiceReport(Struct, frozen=True, kw_only=True):
    """One service. ``behind_ms`` is event time behind the market's newest clock; 0 where it tells none."""

    service: str
    state: str
    cause: str
    position: int
    behind_ms: int
    metrics_port: int


class BreakerReport(Struct, frozen=True, kw_only=True):
    """One breaker that has ever moved."""

    name: str
    key: str
    state: str


class StreamReport(Struct, frozen=True, kw_only=True):
    """One JetStream stream."""

    stream: str
    messages: int
    bytes: int
    last_seq: int


class Report(Struct, frozen=True, kw_only=True):
    """How a home stands.

    Attributes:
        trading_state: Of the run's gate; empty where there is no run.
        gate_seq: Last sequence that is known.
        notes: What a person should know beside it.
    """

    home: str
    is_up: bool
    run_id: str
    trading_state: str
    is_killed: bool
    gate_seq: int
    services: tuple[ServiceReport, ...] = ()
    breakers: tuple[BreakerReport, ...] = ()
    streams: tuple[StreamReport, ...] = ()
    notes: tuple[str, ...] = ()


def report_down(home: Home) -> Report:
    """How the current run was left. Raises JournalCorrupt where its gate's journal is damaged."""
    run, stale = home.current_run(), live.read(home)
    notes = [f"the stack of pid {stale.pid} did not stop cleanly"] if stale else []
    if run is None:
        notes.append("there is no run yet; `penstock demo` or `penstock up` makes one")
        return Report(
            home=str(home.directory), is_up=False, run_id="", trading_state="", is_killed=False, gate_seq=0,
            notes=tuple(notes),
        )  # fmt: skip
    gate, unseen = gate_of(run), unseen_kills(run)
    if unseen:
        notes.append("a kill came while the gate was down; it obeys as soon as it is up")
    return Report(
        home=str(home.directory),
        is_up=False,
        run_id=run.run_id,
        trading_state=gate.trading_state,
        is_killed=gate.is_killed or unseen > 0,
        gate_seq=gate.seq,
        breakers=tuple(
            BreakerReport(name=name, key=key, state=state) for name, key, state in gate.breakers()
        ),
        notes=(*notes, "no stack is up; `penstock up` resumes this run"),
    )


async def report_up(home: Home, stack: Live) -> Report:
    """How the running stack stands, as its viewer sees it."""
    beats = Beats(stack.run_id)
    async with open_bus(stack, "viewer") as bus:
        await beats.listen(bus)
        state = await _trading_state(bus)
        breakers = await _breakers(bus)
        streams = await _streams(bus)
        clock = await bus.last_message("MARKET", subjects.CLOCK)
        await asyncio.sleep(LISTEN_S)
    heard = beats.all()
    gate = heard.get("gate")
    return Report(
        home=str(home.directory),
        is_up=True,
        run_id=stack.run_id,
        trading_state=state.state if state else TradingState.ACTIVE,
        is_killed=state.is_killed if state else False,
        gate_seq=gate.position if gate else 0,
        services=tuple(_services(stack, heard, decode(Clock, clock.payload).ts_event_ns if clock else 0)),
        breakers=tuple(breakers),
        streams=tuple(streams),
        notes=() if gate else ("the gate is not heard: nothing is approved",),
    )


def told(report: Report) -> Iterator[str]:
    """The report as lines for people; no meaning is in colour."""
    yield f"home     {report.home}  ({'up' if report.is_up else 'down'})"
    if report.run_id:
        killed = ", KILLED" if report.is_killed else ""
        yield f"run      {report.run_id}"
        yield f"trading  {report.trading_state}{killed} at gate sequence {report.gate_seq}"
    for service in report.services:
        lag = f"  {service.behind_ms} ms behind" if service.behind_ms else ""
        cause = f"  {service.cause}" if service.cause else ""
        port = f"  metrics :{service.metrics_port}" if service.metrics_port else ""
        yield f"  {service.service:<9} {service.state:<9} at {service.position}{lag}{port}{cause}"
    for breaker in report.breakers:
        yield f"  breaker   {breaker.name} {breaker.key} {breaker.state}"
    for stream in report.streams:
        yield f"  stream    {stream.stream:<16} {stream.messages:>9,} messages {stream.bytes / 1e6:>8.1f} MB"
    for note in report.notes:
        yield f"note     {note}"


def _services(stack: Live, heard: dict[str, Heartbeat], market_ns: int) -> Iterator[ServiceReport]:
    for service in dict.fromkeys((*SERVICES, *heard)):
        beat = heard.get(service)
        port = stack.metrics_ports.get(service, 0)
        if beat is None:
            yield ServiceReport(
                service=service, state="silent", cause="", position=0, behind_ms=0, metrics_port=port
            )
            continue
        behind_ns = max(market_ns - beat.ts_event_ns, 0) if beat.ts_event_ns else 0
        yield ServiceReport(
            service=service,
            state="ready" if beat.is_ready and beat.is_ok else "not ok" if beat.is_ready else "starting",
            cause=beat.cause,
            position=beat.position,
            behind_ms=behind_ns // 1_000_000,
            metrics_port=port,
        )


async def _trading_state(bus: Bus) -> TradingStateChanged | None:
    message = await bus.last_message("RISK", subjects.RISK_STATE)
    return decode(TradingStateChanged, message.payload) if message else None


async def _breakers(bus: Bus) -> list[BreakerReport]:
    """Where each breaker stands: the last change of each in the RISK stream."""
    state = await bus.stream_state("RISK")
    last: dict[tuple[str, str], str] = {}
    if state.last_seq:
        async for batch in bus.read("RISK", subjects=(subjects.ALL_BREAKERS,), stop_after=state.last_seq):
            for message in batch:
                try:
                    change = decode(BreakerChanged, message.payload)
                except Undecodable:
                    continue
                last[change.name, change.key] = change.state
    return [BreakerReport(name=name, key=key, state=where) for (name, key), where in sorted(last.items())]


async def _streams(bus: Bus) -> list[StreamReport]:
    reports = []
    for stream in STREAMS:
        try:
            state: StreamState = await bus.stream_state(stream)
        except BusError:
            continue
        reports.append(
            StreamReport(stream=stream, messages=state.messages, bytes=state.bytes, last_seq=state.last_seq)
        )
    return reports
