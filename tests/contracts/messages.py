"""Hypothesis strategies for every message, built from the same types that the decoder checks."""

import re

from hypothesis import strategies as st
from msgspec import Struct, inspect

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
TEXT = st.characters(codec="utf-8")


def messages(message_type: type[Struct]) -> st.SearchStrategy[Struct]:
    """Messages of this type that keep every bound, edges included."""
    kind = inspect.type_info(message_type)
    assert isinstance(kind, inspect.StructType)
    return _struct(kind)


def _struct(kind: inspect.StructType) -> st.SearchStrategy[Struct]:
    fields = {field.name: values(field.type) for field in kind.fields}
    if kind.array_like:
        return st.tuples(*fields.values()).map(lambda items: kind.cls(*items))
    return st.fixed_dictionaries(fields).map(lambda items: kind.cls(**items))


def values(kind: inspect.Type) -> st.SearchStrategy:  # noqa: C901, PLR0912 - a flat table of kinds
    """Values that a field of this type may hold."""
    match kind:
        case inspect.Metadata():
            return values(kind.type)
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(
                INT_MIN if kind.ge is None else kind.ge, INT_MAX if kind.le is None else kind.le
            )
        case inspect.FloatType():
            return _floats(kind)
        case inspect.StrType():
            return _texts(kind)
        case inspect.BytesType():
            return st.binary(max_size=64)
        case inspect.EnumType():
            return st.sampled_from(list(kind.cls))
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.UnionType():
            return st.one_of(*map(values, kind.types))
        case inspect.DictType():
            return st.dictionaries(values(kind.key_type), values(kind.value_type), max_size=3)
        case inspect.VarTupleType():
            smallest = kind.min_length or 0
            return st.lists(values(kind.item_type), min_size=smallest, max_size=smallest + 2).map(tuple)
        case inspect.StructType():
            return _struct(kind)
    raise AssertionError(f"no strategy for {kind}: teach tests/contracts/messages.py")


def _floats(kind: inspect.FloatType) -> st.SearchStrategy[float]:
    assert kind.le is not None, "a float without an upper bound"
    low = kind.ge if kind.ge is not None else kind.gt
    return st.floats(low, kind.le, exclude_min=kind.ge is None, allow_nan=False)


def _texts(kind: inspect.StrType) -> st.SearchStrategy[str]:
    longest = kind.max_length or 40
    if kind.pattern is None:
        return st.text(TEXT, min_size=kind.min_length or 0, max_size=min(longest, 40))
    # Digests are most of the text there is, and spelling them digit by digit is slow.
    if "[0-9a-f]{32,128}" in kind.pattern:
        return st.binary(min_size=16, max_size=64).map(bytes.hex)
    pattern = re.compile(kind.pattern, re.ASCII)
    return st.from_regex(pattern).filter(lambda text: (kind.max_length or len(text)) >= len(text))
