"""Bytes to messages and back: msgpack on the bus, JSON at the edges.

Decoding checks every bound. Encoding does not (msgspec's rule), so ``Paranoia.is_on``,
which the tests set, makes ``encode`` decode its own bytes.
"""

from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from contracts.catalogue import BY_TAG, MESSAGES

Message = TypeVar("Message", bound=Struct)

_encoder = msgspec.msgpack.Encoder()
_json_encoder = msgspec.json.Encoder()
_tag_decoder = msgspec.msgpack.Decoder(dict[str, Any])


class Undecodable(ValueError):
    """Bytes are not the message that was expected.

    Attributes:
        expected: The tag or type name.
        detail: What msgspec found, with the path of the field.
    """

    def __init__(self, expected: str, detail: str) -> None:
        self.expected, self.detail = expected, detail
        super().__init__(f"expected {expected}: {detail}")


class Paranoia:
    """Whether ``encode`` decodes what it made, and so checks bounds that construction does not."""

    is_on = False


def encode(message: Struct) -> bytes:
    """The message as msgpack."""
    data = _encoder.encode(message)
    if Paranoia.is_on:
        decode(type(message), data)
    return data


def decode(message_type: type[Message], data: bytes) -> Message:
    """One message of a known type. Raises Undecodable."""
    try:
        return decoder(message_type).decode(data)  # type: ignore[no-any-return]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(message_type.__name__, str(error)) from error


def decode_any(data: bytes) -> Struct:
    """One message of whatever type its tag names. Raises Undecodable."""
    try:
        tag = _tag_decoder.decode(data).get("schema")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable("a tagged message", str(error)) from error
    message_type = BY_TAG.get(tag) if isinstance(tag, str) else None
    if message_type is None or message_type not in MESSAGES:
        raise Undecodable("a tagged message", f"schema is {tag!r}")
    return decode(message_type, data)


def encode_json(message: Struct) -> bytes:
    """The message as compact JSON."""
    return _json_encoder.encode(message)


def decode_json(message_type: type[Message], data: bytes | str) -> Message:
    """One message from JSON. Raises Undecodable."""
    try:
        return _json_decoder(message_type).decode(data)  # type: ignore[no-any-return]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(message_type.__name__, str(error)) from error


class _Nothing(Struct, frozen=True, tag_field="schema", tag=""):
    """Never decodes: no number is both."""

    impossible: Annotated[int, Meta(ge=1, le=0)]


@cache
def decoder(message_type: type[Struct]) -> msgspec.msgpack.Decoder[Any]:
    """What ``decode`` reads with, for a hot loop: the tag is required, and errors are msgspec's own."""
    return msgspec.msgpack.Decoder(_with_tag_required(message_type))


@cache
def _json_decoder(message_type: type[Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_with_tag_required(message_type))


def _with_tag_required(message_type: type[Struct]) -> Any:
    # msgspec lets a lone tagged struct come without its tag; a member of a union it does not.
    is_tagged = message_type.__struct_config__.tag_field == "schema"
    return message_type | _Nothing if is_tagged else message_type
