"""The gate's way of taking intents: explicit, one client at a time. See streams/bus/consumer.py."""

import asyncio
from contextlib import aclosing

import pytest

from contracts import subjects
from streams.bus import Bus, BusSettings, ConsumerMissing
from streams.bus import consumer as consumer_module
from streams.bus.provision import provision
from streams.bus.specs import GATE_DURABLE, DurableSpec, StreamSpec, intents_stream

DRILL = intents_stream("drill")
SUBJECT = subjects.intent_proposed("drill", "ES")


async def propose(bus: Bus, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await bus.publish_acked(SUBJECT, b"%d" % number, msg_id=str(number), stream=DRILL, attempts=50)


async def take(bus: Bus, count: int) -> list[tuple[int, int]]:
    """Pairs of payload and deliveries."""
    taken: list[tuple[int, int]] = []
    async with aclosing(bus.consume(DRILL, GATE_DURABLE, pin_group=GATE_DURABLE)) as batches:
        async for batch in batches:
            for message in batch:
                taken.append((int(message.payload), message.deliveries))
                await message.ack()
            if len(taken) >= count:
                break
    return taken


async def test_takes_in_order_and_acknowledged_ones_never_come_again(broker, bus_of):
    async with bus_of(broker, "drill") as drill, bus_of(broker, "gate") as gate:
        await propose(drill, 1, 300)
        assert await take(gate, 300) == [(number, 1) for number in range(1, 301)]
        await propose(drill, 301, 302)
        assert await take(gate, 2) == [(301, 1), (302, 1)]
        assert gate.counters.redeliveries == 0


async def test_what_was_not_acknowledged_comes_again_and_says_how_often(bare_server):
    spec = StreamSpec(
        name="POISON", subjects=("poison",), is_decision=True, is_async=False, max_bytes=1024**2
    )
    durable = DurableSpec(stream="POISON", name="gate", ack_wait_ns=50_000_000)
    async with Bus.connect(consumer_settings(bare_server)) as bus:
        await provision(bus, [spec], [durable])
        await bus.publish_acked("poison", b"", msg_id="1", stream="POISON")
        deliveries: list[int] = []
        async for batch in bus.consume("POISON", "gate"):
            deliveries += [message.deliveries for message in batch]
            if len(deliveries) == 3:
                break
        assert deliveries == [1, 2, 3]
        assert bus.counters.redeliveries == 2


async def test_of_two_gates_only_one_is_served_until_it_goes(broker, bus_of):
    async with (
        bus_of(broker, "drill") as drill,
        bus_of(broker, "gate") as active,
        bus_of(broker, "gate") as standby,
    ):
        await propose(drill, 1, 1)
        serving = active.consume(DRILL, GATE_DURABLE, pin_group=GATE_DURABLE)
        (first,) = await anext(serving)
        await first.ack()
        waiting = asyncio.create_task(take(standby, 1))
        await propose(drill, 2, 20)
        seen: list[int] = []
        while len(seen) < 19:
            batch = await anext(serving)
            seen += [int(message.payload) for message in batch]
            for message in batch:
                await message.ack()
        assert seen == list(range(2, 21))
        assert not waiting.done()
        await serving.aclose()
        await propose(drill, 21, 21)
        ((number, _),) = await waiting  # it may have been on its way to the other one
        assert number == 21


async def test_goes_on_through_a_crash_of_the_broker(broker, bus_of):
    async with bus_of(broker, "drill") as drill, bus_of(broker, "gate") as gate:
        seen: set[int] = set()

        async def consume() -> None:
            async for batch in gate.consume(DRILL, GATE_DURABLE, pin_group=GATE_DURABLE):
                for message in batch:
                    seen.add(int(message.payload))
                    await message.ack()
                if len(seen) == 40:
                    return

        consuming = asyncio.create_task(consume())
        await propose(drill, 1, 20)
        broker.kill()
        broker.start()
        await propose(drill, 21, 40)
        await consuming
        assert seen == set(range(1, 41))


async def test_a_durable_that_does_not_exist_is_named(bare_server, monkeypatch):
    monkeypatch.setattr(consumer_module, "GONE_S_MAX", 0.1)
    async with Bus.connect(consumer_settings(bare_server)) as bus:
        with pytest.raises(ConsumerMissing, match="NOPE has no durable consumer gate"):
            await anext(bus.consume("NOPE", "gate"))


def consumer_settings(server):
    return BusSettings(url=server.url, name="gate")
