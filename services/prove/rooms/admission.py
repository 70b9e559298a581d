"""Admission: whether a schema admits a document, by a reader of its own that knows few keywords.

An unknown keyword is an error and not a pass: a rule that nobody reads is no rule.
"""

import re
from collections.abc import Callable
from typing import Any

Document = Any
"""JSON: whatever it holds is what is judged."""


def admits(schema: dict[str, Any], document: Document) -> bool:
    """Whether the document satisfies every keyword. Raises ValueError on one that is not known."""
    return all(_RULES.get(keyword, _unknown)(schema, document) for keyword in schema)


def _unknown(schema: dict[str, Any], _document: Document) -> bool:
    raise ValueError(f"this reader does not know every keyword of {sorted(schema)}")


def _properties(schema: dict[str, Any], document: Document) -> bool:
    each = schema["properties"].items()
    return all(name not in document or admits(rule, document[name]) for name, rule in each)


def _no_others(schema: dict[str, Any], document: Document) -> bool:
    return schema["additionalProperties"] is False and document.keys() <= schema["properties"].keys()


def _type(schema: dict[str, Any], document: Document) -> bool:
    return isinstance(document, _TYPES[schema["type"]]) and not isinstance(document, bool)


_TYPES: dict[str, type] = {"object": dict, "string": str, "integer": int}

_RULES: dict[str, Callable[[dict[str, Any], Document], bool]] = {
    "x-guidance": lambda _schema, _document: True,  # about spelling, which a document no longer has
    "anyOf": lambda schema, document: any(admits(branch, document) for branch in schema["anyOf"]),
    "const": lambda schema, document: bool(document == schema["const"]),
    "enum": lambda schema, document: document in schema["enum"],
    "type": _type,
    "minimum": lambda schema, document: bool(document >= schema["minimum"]),
    "maximum": lambda schema, document: bool(document <= schema["maximum"]),
    "maxLength": lambda schema, document: len(document) <= schema["maxLength"],
    "pattern": lambda schema, document: re.fullmatch(schema["pattern"], document) is not None,
    "properties": _properties,
    "required": lambda schema, document: all(name in document for name in schema["required"]),
    "additionalProperties": _no_others,
}
