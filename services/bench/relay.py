"""A bare hop: reads one stream and publishes on the next, with a service's own credential.

Three of them in a row are the floor under the chain's latency: the same streams, the same
credentials, the same processes, and nothing computed. Run by the bench ``latency``.
"""

import asyncio
import os
import sys

from contracts import subjects
from services.kit.settings import from_environment
from streams.bus import Bus, BusSettings

VENUE, SYMBOL, STRATEGY = "CME", "ES", "trend"


async def from_market(bus: Bus) -> None:
    """In the features' place: every message, through a window."""
    window = bus.window("FEATURES", size=256)
    async for batch in bus.read("MARKET"):
        for message in batch:
            await window.publish(subjects.features("core", VENUE, SYMBOL), message.payload)


async def from_features(bus: Bus) -> None:
    """In the strategies' place: the messages that are marked, each synced."""
    async for batch in bus.read("FEATURES"):
        for message in batch:
            if message.payload.startswith(b"+"):
                await bus.publish_acked(
                    subjects.intent_proposed(STRATEGY, SYMBOL),
                    message.payload,
                    msg_id=message.payload[:32].decode("ascii"),
                    stream="INTENTS_PREDICT",
                )


async def from_intents(bus: Bus) -> None:
    """In the gate's place: each synced, then acknowledged."""
    async for batch in bus.consume("INTENTS_PREDICT", "gate", pin_group="gate"):
        for message in batch:
            await bus.publish_acked(
                subjects.verdict(STRATEGY, SYMBOL),
                message.payload,
                msg_id=message.payload[:32].decode("ascii"),
                stream="VERDICTS",
            )
            await message.ack()


HOPS = {"features": from_market, "predict": from_features, "gate": from_intents}


async def relay(service: str) -> None:
    """Run one hop until ended."""
    settings = from_environment(service, os.environ)
    async with Bus.connect(BusSettings(url=settings.nats_url, name=service, seed=settings.seed())) as bus:
        await HOPS[service](bus)


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1]))
