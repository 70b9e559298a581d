"""The bus: publish, read and consume on NATS JetStream. The only importer of nats-py."""

from streams.bus.connection import Bus
from streams.bus.counters import BusCounters
from streams.bus.errors import (
    ApiFailed,
    BrokerFailed,
    BusError,
    Conflict,
    ConsumerMissing,
    Denied,
    NotAcked,
    StreamMissing,
    Unreachable,
)
from streams.bus.letters import MessageRefused, letter_about
from streams.bus.link import BusSettings
from streams.bus.messages import Message, PubAck, StreamState
from streams.bus.window import PublishWindow

__all__ = [
    "ApiFailed",
    "BrokerFailed",
    "Bus",
    "BusCounters",
    "BusError",
    "BusSettings",
    "Conflict",
    "ConsumerMissing",
    "Denied",
    "Message",
    "MessageRefused",
    "NotAcked",
    "PubAck",
    "PublishWindow",
    "StreamMissing",
    "StreamState",
    "Unreachable",
    "letter_about",
]
