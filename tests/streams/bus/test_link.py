"""Connecting, and what a connection says when it cannot. See streams/bus/link.py."""

import asyncio

import pytest

from ops.authority.seeds import new_seed
from streams.bus import Bus, BusSettings, Unreachable
from streams.bus.server import free_port


def reconnection(bus: Bus) -> asyncio.Event:
    """Set when the bus has lost its connection and has one again."""
    event = asyncio.Event()

    def look() -> None:
        if bus.counters.reconnects:
            event.set()

    bus._link.on_change(look)
    return event


def test_a_seed_is_never_shown():
    settings = BusSettings(url="nats://127.0.0.1:1", name="feed", seed="SUSECRET")
    assert "SUSECRET" not in repr(settings)
    assert "SUSECRET" not in f"{settings}"


async def test_no_broker_is_said_in_time():
    settings = BusSettings(url=f"nats://127.0.0.1:{free_port()}", name="feed", connect_timeout_s=0.3)
    with pytest.raises(Unreachable, match=r"no answer from the broker at nats://127\.0\.0\.1:"):
        await Bus.open(settings)


@pytest.mark.parametrize("seed", [new_seed(), ""])
async def test_a_key_that_the_broker_does_not_know_is_refused_at_once(broker, seed):
    settings = BusSettings(url=broker.url, name="feed", seed=seed, connect_timeout_s=30.0)
    with pytest.raises(Unreachable, match="it does not know the key of feed"):
        await Bus.open(settings)


async def test_a_listener_hears_what_is_published_while_it_is_connected(broker, bus_of):
    async with bus_of(broker, "gate") as gate, bus_of(broker, "recorder") as recorder:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        await gate.subscribe("audit.heartbeat.recorder", lambda message: heard.put_nowait(message.payload))
        await gate.flush()
        await recorder.publish("audit.heartbeat.recorder", b"1")
        assert await heard.get() == b"1"
        gate_back, recorder_back = reconnection(gate), reconnection(recorder)
        broker.kill()
        broker.start()
        for back in (gate_back, recorder_back):
            await back.wait()
        await recorder.publish("audit.heartbeat.recorder", b"2")
        assert await heard.get() == b"2"
        assert gate.counters.disconnects == 1
        assert gate.is_connected


async def test_a_forbidden_subscription_is_counted_and_hears_nothing(broker, bus_of):
    async with bus_of(broker, "feed") as feed, bus_of(broker, "gate") as gate:
        heard: list[bytes] = []
        await feed.subscribe("risk.verdict.>", lambda message: heard.append(message.payload))
        await feed.flush()
        await gate.publish("risk.verdict.trend.ES", b"1")
        await gate.flush()
        await feed.flush()
        assert heard == []
        assert feed.counters.permission_violations == 1
        assert "subscription" in feed.counters.last_violation


async def test_a_closed_bus_publishes_no_more(broker, bus_of):
    async with bus_of(broker, "feed") as feed:
        pass
    assert not feed.is_connected
    with pytest.raises(Unreachable, match="ConnectionClosedError"):
        await feed.publish("md.clock", b"")
