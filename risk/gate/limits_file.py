"""The files that people write: limits, instruments and strategy cards, from JSON bytes.

Stricter than the messages: a name that stands twice in an object is an error, since the second
would silently win; and an error says the path, what stands there, and what would work.
"""

import json
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from contracts.instruments import Instrument
from contracts.limits import GateConfig, Limits, StrategyCard
from risk.errors import ConfigInvalid

Document = TypeVar("Document", bound=Struct)

_WHOLE = "the file"
_FOUND_CHARS_MAX = 80


class _InstrumentsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    instruments: list[Instrument]


class _CardsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cards: list[StrategyCard]


class _Twice(ValueError):
    """A JSON object names a key twice."""


def parse_limits(data: bytes, origin: str) -> Limits:
    """The limits file, whose name for people is ``origin``. Raises ConfigInvalid."""
    return _parse(data, origin, Limits)


def parse_instruments(data: bytes, origin: str) -> list[Instrument]:
    """``{"instruments": [...]}``, each symbol once. Raises ConfigInvalid."""
    instruments = _parse(data, origin, _InstrumentsFile).instruments
    _assert_once(origin, "instruments", "symbol", [instrument.symbol for instrument in instruments])
    return instruments


def parse_cards(data: bytes, origin: str) -> list[StrategyCard]:
    """``{"cards": [...]}``, each strategy once. Raises ConfigInvalid."""
    cards = _parse(data, origin, _CardsFile).cards
    _assert_once(origin, "cards", "strategy_id", [card.strategy_id for card in cards])
    return cards


def check_together(config: GateConfig, limits_origin: str, cards_origin: str) -> None:
    """Whether the three files speak of the same instruments. Raises ConfigInvalid on a stray symbol.

    The restricted list may name a symbol that is no instrument: forbidding more than there is
    harms nobody.
    """
    symbols = [instrument.symbol for instrument in config.instruments]
    expected = f"a symbol of the instruments file ({', '.join(symbols) or 'it has none'})"
    for symbol in config.limits.per_symbol:
        if symbol not in symbols:
            raise ConfigInvalid(limits_origin, "a key of per_symbol", json.dumps(symbol), expected)
    for row, card in enumerate(config.cards):
        for column, symbol in enumerate(card.instruments):
            if symbol not in symbols:
                path = f"cards[{row}].instruments[{column}]"
                raise ConfigInvalid(cards_origin, path, json.dumps(symbol), expected)


def _parse(data: bytes, origin: str, document_type: type[Document]) -> Document:
    content = _parse_json(data, origin)
    try:
        document = msgspec.convert(content, document_type)
    except msgspec.ValidationError:
        raise _fault(content, document_type, origin, "") from None
    _assert_tagged(content, document_type, origin, "")
    return document


# ``Any`` here and below: JSON before it is checked.
def _parse_json(data: bytes, origin: str) -> Any:
    if not data.strip():
        raise ConfigInvalid(origin, _WHOLE, "missing or empty", "one JSON object")
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_constant)
    except _Twice as error:
        raise ConfigInvalid(origin, str(error), "there twice in one object", "each name once") from None
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise ConfigInvalid(origin, _WHOLE, f"not JSON ({error})", "one JSON object") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return content


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _assert_tagged(value: Any, wanted: Any, origin: str, path: str) -> None:
    # msgspec lets a struct that is no member of a union come without its tag.
    if _is_struct(wanted) and wanted.__struct_config__.tag_field and "schema" not in value:
        tag = wanted.__struct_config__.tag
        raise ConfigInvalid(origin, f"{path}.schema".lstrip("."), "missing", f'"{tag}"')
    for part, part_type, step in _parts(value, wanted):
        _assert_tagged(part, part_type, origin, f"{path}{step}".lstrip("."))


def _fault(value: Any, wanted: Any, origin: str, path: str) -> ConfigInvalid:
    """The error for the deepest part of ``value`` that breaks its own type.

    ``wanted`` is any annotation that msgspec reads; ``value`` is known not to be one.
    """
    for part, part_type, step in _parts(value, wanted):
        try:
            msgspec.convert(part, part_type)
        except msgspec.ValidationError:
            return _fault(part, part_type, origin, f"{path}{step}".lstrip("."))
    return _leaf_fault(value, wanted, origin, path)


def _parts(value: Any, wanted: Any) -> list[tuple[Any, Any, str]]:
    """What a value is made of: each part, the type it must have, and the step to it."""
    if isinstance(value, dict) and _is_struct(wanted):
        fields = msgspec.structs.fields(wanted)
        return [(value[field.name], field.type, f".{field.name}") for field in fields if field.name in value]
    # An annotated container is its container: ``Annotated[tuple[Symbol, ...], Meta(...)]``.
    container = wanted.__origin__ if hasattr(wanted, "__metadata__") else wanted
    arguments = get_args(container)
    if isinstance(value, dict) and get_origin(container) is dict:
        names = [(name, arguments[0], f".{name}, as a name,") for name in value]
        return [*names, *((part, arguments[1], f".{name}") for name, part in value.items())]
    if isinstance(value, list) and get_origin(container) in {list, tuple}:
        return [(part, arguments[0], f"[{index}]") for index, part in enumerate(value)]
    return []


def _leaf_fault(value: Any, wanted: Any, origin: str, path: str) -> ConfigInvalid:
    """The error for a value whose parts, if any, are each right."""
    if not _is_struct(wanted) or not isinstance(value, dict):
        return ConfigInvalid(origin, path or _WHOLE, _shown(value), _expected(wanted))
    tag = wanted.__struct_config__.tag
    if "schema" in value and value["schema"] != tag:
        return ConfigInvalid(origin, f"{path}.schema".lstrip("."), _shown(value["schema"]), f'"{tag}"')
    fields = {field.name: field.type for field in msgspec.structs.fields(wanted)}
    for name in value:
        if name not in fields and name != "schema":
            return ConfigInvalid(
                origin, f"{path}.{name}".lstrip("."), "unknown", f"one of {', '.join(fields)}"
            )
    missing = next(name for name in fields if name not in value)
    return ConfigInvalid(origin, f"{path}.{missing}".lstrip("."), "missing", _expected(fields[missing]))


def _is_struct(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, Struct)


def _shown(value: Any) -> str:
    """What stands there, as JSON; a string with its type, since quotes are easily overlooked."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = json.dumps(value)
    if len(text) > _FOUND_CHARS_MAX:
        text = f"{text[:_FOUND_CHARS_MAX]}..."
    return f"{text} (a string)" if isinstance(value, str) else text


_TYPES = {
    "number": "a number",
    "integer": "an integer",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}


def _expected(wanted: Any) -> str:
    """A type in words, with its bounds; taken from its JSON Schema so that the two cannot disagree."""
    schema = msgspec.json.schema(wanted)
    if "enum" in schema:
        return "one of " + ", ".join(json.dumps(choice) for choice in schema["enum"])
    words = _TYPES[schema.get("type", "object")]  # a struct is a reference: an object
    if "minimum" in schema:
        words += f" from {_number(schema['minimum'])} to {_number(schema['maximum'])}"
    if "pattern" in schema:
        words += f" that matches {schema['pattern']}"
    if "maxLength" in schema and "pattern" not in schema:
        words += f" of {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    if "minItems" in schema:
        words += f" of {schema['minItems']} to {schema['maxItems']}"
    return words


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def _assert_once(origin: str, where: str, column: str, names: list[str]) -> None:
    for row, name in enumerate(names):
        if name in names[:row]:
            path = f"{where}[{row}].{column}"
            raise ConfigInvalid(origin, path, f"{json.dumps(name)} again", "each name once")
