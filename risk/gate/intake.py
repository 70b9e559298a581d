"""Intake: from a record's bytes to messages. Every float becomes an integer right after it."""

from functools import lru_cache

import msgspec
from msgspec import Struct

from contracts.codec import decoder
from contracts.intents import Intent
from contracts.scalars import Digest
from contracts.subjects import Control, Proposed, SubjectInvalid, parse_control, parse_intent

_ADDRESSES_KEPT = 4_096


class _Shown(Struct):
    """A body that shows at least whose answer it wants."""

    intent_id: Digest


_intent_decoder = decoder(Intent)
_shown_decoder = msgspec.msgpack.Decoder(_Shown)


def read_intent(body: bytes) -> tuple[Intent | None, str]:
    """The intent that the body is, else None and what was found."""
    try:
        return _intent_decoder.decode(body), ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return None, str(error)


def shown_intent_id(body: bytes) -> str | None:
    """The identity that a body shows, whatever else is wrong with it.

    The body must be one msgpack map, and its ``intent_id`` of the right form; nothing else is
    looked at.
    """
    try:
        return _shown_decoder.decode(body).intent_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


@lru_cache(_ADDRESSES_KEPT)  # bounded: a stranger may invent names for ever
def intent_address(subject: str) -> Proposed | None:
    """Strategy and symbol of an intent's subject, or None where it is no such subject."""
    try:
        return parse_intent(subject)
    except SubjectInvalid:
        return None


def control_address(subject: str) -> Control:
    """Command and operator of a control subject.

    Of a subject that is malformed, the command is its second token all the same, so that a kill
    stays a kill, and the operator is empty.
    """
    try:
        return parse_control(subject)
    except SubjectInvalid:
        tokens = subject.split(".")
        return Control(tokens[1] if len(tokens) > 1 else "", "")
