"""Consuming through a durable consumer: the broker remembers what was acknowledged."""

import asyncio
import time
from collections.abc import AsyncGenerator

import structlog

from streams.bus.errors import ConsumerMissing
from streams.bus.link import Link
from streams.bus.messages import Message
from streams.bus.pull import Puller, Trouble
from streams.bus.reader import RETRY_S_MAX, RETRY_S_MIN

GONE_S_MAX = 10.0
"""A consumer that nobody serves for so long, with the connection up, does not exist."""

_log = structlog.get_logger("streams.bus")


async def consume(
    link: Link, stream: str, durable: str, *, batch_max: int, group: str
) -> AsyncGenerator[list[Message], None]:
    """See ``Bus.consume``."""
    gone_since_s: float | None = None
    retry_s = RETRY_S_MIN
    while True:
        await link.wait_connected()
        puller = Puller(link, stream, durable, batch_max=batch_max, group=group)
        await puller.open()
        try:
            while batch := await puller.take():
                gone_since_s, retry_s = None, RETRY_S_MIN
                link.counters.redeliveries += sum(message.deliveries > 1 for message in batch)
                yield batch
        finally:
            await puller.close()
        if puller.trouble is Trouble.CONSUMER_GONE:
            gone_since_s = gone_since_s or time.monotonic()
            if time.monotonic() - gone_since_s > GONE_S_MAX:
                raise ConsumerMissing(stream, durable)
        _log.info("bus.consumer.again", stream=stream, durable=durable, cause=puller.trouble.value)
        await asyncio.sleep(retry_s)
        retry_s = min(2 * retry_s, RETRY_S_MAX)
