"""JetStream's own API: its subjects, and what its answers mean.

The only place that spells them; the permission table is written with these functions.
"""

from typing import Any

import msgspec

from streams.bus.errors import ApiFailed

EVERYTHING = "$JS.API.>"

UNAVAILABLE = 503
"""The ``code`` of an answer that JetStream gives while it recovers; the others are ``err_code``."""

STREAM_NOT_FOUND = 10059
CONSUMER_NOT_FOUND = 10014
MESSAGE_NOT_FOUND = 10037
WRONG_LAST_MSG_ID = 10070
WRONG_LAST_SEQUENCE = 10071

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Any])  # the broker's JSON, whose fields vary with its version


def stream_create(stream: str) -> str:
    return f"$JS.API.STREAM.CREATE.{stream}"


def stream_info(stream: str) -> str:
    return f"$JS.API.STREAM.INFO.{stream}"


def message_get(stream: str) -> str:
    return f"$JS.API.STREAM.MSG.GET.{stream}"


def consumer_create(stream: str, consumer: str) -> str:
    return f"$JS.API.CONSUMER.CREATE.{stream}.{consumer}"


def consumer_info(stream: str, consumer: str) -> str:
    return f"$JS.API.CONSUMER.INFO.{stream}.{consumer}"


def consumer_next(stream: str, consumer: str) -> str:
    return f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"


def consumer_ack(stream: str, consumer: str) -> str:
    """Every acknowledgement of one consumer."""
    return f"$JS.ACK.{stream}.{consumer}.>"


def encode(request: dict[str, Any]) -> bytes:
    return _encoder.encode(request)


def decode(payload: bytes) -> dict[str, Any]:
    """An answer as it is, an error too. Raises ``msgspec.DecodeError``."""
    return _decoder.decode(payload)


def answer(subject: str, payload: bytes) -> dict[str, Any]:
    """A request's answer. Raises ``ApiFailed`` where the answer is an error."""
    body = decode(payload)
    error = body.get("error")
    if error is not None:
        raise ApiFailed(subject, error.get("code", 0), error.get("err_code", 0), error.get("description", ""))
    return body
