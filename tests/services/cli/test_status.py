"""``penstock status``, up and down. See services/cli/standing_report.py."""

import asyncio
import json

from contracts import subjects
from contracts.codec import encode
from contracts.market import Clock
from contracts.operations import Heartbeat
from contracts.states import BreakerChanged, BreakerState, TradingState, TradingStateChanged
from services.cli import standing_report
from services.cli.standing_report import report_up, told
from services.kit.layout import Home
from services.kit.live import Live


def moved(seq: int, previous: BreakerState, state: BreakerState) -> BreakerChanged:
    return BreakerChanged(
        name="invalid_input", key="drill", previous=previous, state=state, cause="fault", faults=3,
        gate_seq=seq, ts_event_ns=seq,
    )  # fmt: skip


async def test_a_stack_that_is_up_is_told_by_its_beats_and_streams(broker, bus_of, tmp_path, monkeypatch):
    monkeypatch.setattr(standing_report, "LISTEN_S", 0.2)
    stack = Live(
        pid=0, run_id="run", nats_url=broker.url, monitor_url=broker.monitor_url, broker_pid=0,
        seeds=str(broker.run_dir / "seeds"), metrics_ports={"gate": 9100}, ts_started_ns=0,
    )  # fmt: skip
    halted = TradingStateChanged(
        previous=TradingState.ACTIVE, state=TradingState.HALTED, is_killed=True, cause="kill: smoke",
        operators=("operator1",), gate_seq=5, ts_event_ns=5,
    )  # fmt: skip

    beats = (("gate", 2_500_000_000, "disk full"), ("features", 1_500_000_000, ""))

    async def beat():
        while True:
            for service, ts_ns, cause in beats:
                heartbeat = Heartbeat(
                    service=service, run_id="run", is_ready=True, is_ok=not cause, cause=cause,
                    ts_event_ns=ts_ns, position=9, ts_recv_ns=0,
                )  # fmt: skip
                await speakers[service].publish(subjects.heartbeat(service), encode(heartbeat))
            await asyncio.sleep(0.02)

    async with bus_of(broker, "feed") as feed:
        clock = Clock(source="es", ts_event_ns=2_000_000_000, ts_recv_ns=0)
        await feed.publish_acked(subjects.CLOCK, encode(clock), msg_id="c", stream="MARKET")
    async with bus_of(broker, "gate") as gate, bus_of(broker, "features") as features:
        speakers = {"gate": gate, "features": features}
        await gate.publish_acked(subjects.RISK_STATE, encode(halted), msg_id="s", stream="RISK")
        moves = [(BreakerState.CLOSED, BreakerState.OPEN), (BreakerState.OPEN, BreakerState.HALF_OPEN)]
        for seq, (previous, state) in enumerate(moves, start=1):
            await gate.publish_acked(
                subjects.breaker("invalid_input"), encode(moved(seq, previous, state)), msg_id=f"b{seq}",
                stream="RISK",
            )  # fmt: skip
        beating = asyncio.create_task(beat())
        report = await report_up(Home(tmp_path), stack)
        beating.cancel()

    services = {service.service: service for service in report.services}
    assert (services["gate"].state, services["gate"].cause, services["gate"].position) == (
        "not ok",
        "disk full",
        9,
    )
    assert (services["features"].state, services["features"].behind_ms) == ("ready", 500)
    assert services["gate"].behind_ms == 0
    assert services["predict"].state == "silent"
    assert (report.trading_state, report.is_killed, report.gate_seq) == ("HALTED", True, 9)
    assert [(each.key, each.state) for each in report.breakers] == [("drill", "HALF_OPEN")]
    assert {each.stream: each.messages for each in report.streams}["RISK"] == 3
    lines = list(told(report))
    assert "trading  HALTED, KILLED at gate sequence 9" in lines


def test_a_home_without_a_run_is_told_as_such(penstock):
    report = json.loads(penstock("status", "--json").out)

    assert (report["is_up"], report["run_id"]) == (False, "")
    assert "there is no run yet" in penstock("status").out


def test_a_run_that_is_down_is_told_by_its_gate_s_journal(penstock, tmp_path):
    home = Home(tmp_path / "home")
    home.run("r1").create()
    home.current.write_text("r1\n")

    report = json.loads(penstock("status", "--json").out)
    assert (report["run_id"], report["gate_seq"], report["trading_state"]) == ("r1", 0, "ACTIVE")
    assert "`penstock up` resumes this run" in penstock("status").out
