"""Intake: from a record's bytes to messages. Every float becomes an integer right after it."""

import re
from functools import lru_cache
from typing import get_args

import msgspec
from msgspec import Meta, Struct

from contracts.codec import decoder
from contracts.intents import Intent
from contracts.scalars import Digest
from contracts.subjects import Control, Proposed, SubjectInvalid, parse_control, parse_intent

_ADDRESSES_KEPT = _NAMES_KEPT = 4_096


class _Shown(Struct):
    """A body that shows at least whose answer it wants."""

    intent_id: Digest


class _Unmatched(Intent, frozen=True, kw_only=True, tag_field="schema", tag="intent.v1"):
    """An intent whose patterns were not matched yet: they take most of the time of decoding.

    Every other bound of ``Intent`` holds.
    """

    symbol: str
    strategy_id: str
    basis_source: str
    intent_id: str
    prompt_hash: str = ""


_shown_decoder = msgspec.msgpack.Decoder(_Shown)
_intent_decoder = decoder(Intent)
_unmatched_decoder = decoder(_Unmatched)
_is_digest = re.compile(
    next(meta.pattern or "" for meta in get_args(Digest) if isinstance(meta, Meta))
).search

_matched: set[tuple[str, str, str]] = set()
"""Names that an ``Intent`` was decoded with. Bounded, and only ever spares work: it decides nothing."""


def read_intent(body: bytes) -> tuple[Intent | None, str]:
    """The intent that the body is, else None and what was found: exactly what decoding ``Intent`` says."""
    try:
        intent: Intent = _unmatched_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_anew(body)
    names = intent.symbol, intent.strategy_id, intent.basis_source
    if names in _matched and not intent.prompt_hash and _is_digest(intent.intent_id):
        return intent, ""
    return _read_anew(body)


def _read_anew(body: bytes) -> tuple[Intent | None, str]:
    try:
        intent = _intent_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return None, str(error)
    if len(_matched) >= _NAMES_KEPT:
        _matched.clear()
    _matched.add((intent.symbol, intent.strategy_id, intent.basis_source))
    return intent, ""


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
