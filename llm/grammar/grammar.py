"""A grammar: the schema that constrains one completion, with the hashes a certificate names."""

import json
from functools import cache
from hashlib import blake2b

from msgspec import Struct

from contracts.hashview import view
from contracts.schemas import rendered
from contracts.slm import EXPLAIN_MAX, INTENT_ANSWER, Abstention, Headroom, Proposal
from llm.grammar.schema import Schema, answer_schema


class Grammar(Struct, frozen=True, kw_only=True):
    """What one completion may say.

    Attributes:
        schema_id: The answer's published shape, which this narrows.
        schema: For an engine that takes a JSON Schema; do not change it.
        text: The same as canonical, compact JSON.
        grammar_hash: Of ``text``.
        headroom_hash: Of the headroom it was made from.
        is_empty: Whether abstaining is all that is left.
        chars_max: Length of the longest text that it admits; each character is one byte. A
            completion that may generate as many tokens is never cut off.
    """

    schema_id: str
    schema: Schema
    text: str
    grammar_hash: str
    headroom_hash: str
    is_empty: bool
    chars_max: int


def grammar_of(headroom: Headroom) -> Grammar:
    """The grammar of an answer under this headroom.

    Raises:
        HeadroomInvalid: the headroom contradicts itself.
    """
    schema = answer_schema(headroom)
    text = json.dumps(schema, separators=(",", ":"))
    return Grammar(
        schema_id=INTENT_ANSWER,
        schema=schema,
        text=text,
        grammar_hash=_digest(text.encode()),
        headroom_hash=headroom_hash(headroom),
        is_empty=not headroom.ladders,
        chars_max=max(map(_longest, schema["anyOf"])),
    )


def headroom_hash(headroom: Headroom) -> str:
    """BLAKE2b-256 of the headroom's hash view."""
    return _digest(view(headroom))


@cache
def schema_hash() -> str:
    """BLAKE2b-256 of the published schemas of the answer's variants, as they are kept."""
    return _digest(f"{rendered(Proposal)}{rendered(Abstention)}".encode())


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=32).hexdigest()


def _longest(branch: Schema) -> int:
    """Characters of the longest object that one branch admits."""
    properties = branch["properties"].items()
    # Of each property its quoted name and a colon; of all, commas between them and the braces.
    return sum(len(name) + 3 + _longest_value(value) for name, value in properties) + len(properties) + 1


def _longest_value(schema: Schema) -> int:
    if "maximum" in schema:
        return len(str(schema["maximum"]))
    if "maxLength" in schema:
        return EXPLAIN_MAX + 2
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    return max(len(json.dumps(value)) for value in values)
