"""The shape of every message: frozen, tagged, bounded, and with a schema that is up to date."""

import importlib
import pkgutil
import re

import pytest
from msgspec import Struct, inspect

import contracts
from contracts import catalogue, schemas
from contracts.hashview import stable_fields

EVERY = (*catalogue.MESSAGES, *catalogue.DRAFTS, *catalogue.ANSWERS)
TAG = re.compile(r"^[a-z][a-z_]*\.v[1-9][0-9]*$")


def struct_types() -> list[type[Struct]]:
    found = set()
    for module in pkgutil.walk_packages(contracts.__path__, "contracts."):
        for item in vars(importlib.import_module(module.name)).values():
            if is_message(item):
                found.add(item)
    assert len(found) >= len(EVERY), "fewer structs than the catalogue names: has the tree moved?"
    return sorted(found, key=lambda item: item.__qualname__)


def is_message(item: object) -> bool:
    """A public struct of ours; a private one is a device of its module."""
    is_ours = isinstance(item, type) and issubclass(item, Struct) and item.__module__.startswith("contracts.")
    return is_ours and not item.__name__.startswith("_")


def named(items):
    return pytest.mark.parametrize("message_type", items, ids=lambda item: item.__name__)


def walk(kind: inspect.Type, path: str, *, top: bool = False):
    """Every type inside ``kind``: (type, its path, whether it is a message's own field)."""
    yield kind, path, top
    match kind:
        case inspect.Metadata():
            yield from walk(kind.type, path)
        case inspect.UnionType():
            for item in kind.types:
                yield from walk(item, path)
        case inspect.DictType():
            yield from walk(kind.key_type, f"{path}.key")
            yield from walk(kind.value_type, f"{path}[]")
        case inspect.TupleType():
            for item in kind.item_types:
                yield from walk(item, f"{path}[]")
        case inspect.VarTupleType() | inspect.ListType() | inspect.SetType() | inspect.FrozenSetType():
            yield from walk(kind.item_type, f"{path}[]")
        case inspect.StructType():
            for field in kind.fields:
                yield from walk(field.type, f"{path}.{field.name}", top=not path)


def parts(message_type: type[Struct]):
    return list(walk(inspect.type_info(message_type), ""))


@named(struct_types())
def test_is_frozen_and_built_by_keyword(message_type):
    config = message_type.__struct_config__
    assert config.frozen, "a message that changes is two messages"
    if not config.array_like:
        fields = inspect.type_info(message_type).fields
        with pytest.raises(TypeError, match=r"positional|required"):
            message_type(*[None] * len(fields))


@named(catalogue.MESSAGES)
def test_a_message_is_tagged_with_its_version(message_type):
    config = message_type.__struct_config__
    assert config.tag_field == "schema"
    assert TAG.match(config.tag), f"tag is {config.tag!r}, expected name.v1"


@named(catalogue.DRAFTS)
def test_a_draft_is_strict_and_untagged(message_type):
    config = message_type.__struct_config__
    assert config.forbid_unknown_fields
    assert config.tag is None


@named(catalogue.ANSWERS)
def test_an_answer_is_strict_and_says_its_decision(message_type):
    config = message_type.__struct_config__
    assert config.forbid_unknown_fields
    assert config.tag_field == "decision"


def test_no_two_messages_share_a_tag():
    assert len(catalogue.BY_TAG) == len(EVERY)


def test_every_struct_travels_or_is_part_of_one_that_does():
    reached = {
        kind.cls
        for message_type in EVERY
        for kind, _, _ in parts(message_type)
        if isinstance(kind, inspect.StructType)
    }
    loose = [item.__name__ for item in struct_types() if item not in reached]
    assert not loose, f"not in contracts/catalogue.py: {loose}"


@named(EVERY)
def test_every_float_is_bounded_on_both_sides(message_type):
    """A bound is also what refuses NaN and infinity."""
    loose = [
        path
        for kind, path, _ in parts(message_type)
        if isinstance(kind, inspect.FloatType)
        and ((kind.ge is None and kind.gt is None) or (kind.le is None and kind.lt is None))
    ]
    assert not loose, f"{message_type.__name__} has floats without a bound: {loose}"


@named(EVERY)
def test_every_pattern_is_closed_at_both_ends(message_type):
    """A lone ``$`` also matches before a last line feed."""
    loose = [
        path
        for kind, path, _ in parts(message_type)
        if isinstance(kind, inspect.StrType)
        and kind.pattern is not None
        and not (kind.pattern.startswith("^") and kind.pattern.endswith(r"$(?!\n)"))
    ]
    assert not loose, f"{message_type.__name__}: patterns that let a line feed in: {loose}"


@named(EVERY)
def test_only_a_messages_own_fields_are_volatile(message_type):
    """A hash view leaves out top-level fields only, so a nested volatile one would be hashed."""
    hidden = [
        path
        for kind, path, top in parts(message_type)
        if isinstance(kind, inspect.Metadata) and (kind.extra or {}).get("volatile") and not top
    ]
    assert not hidden, f"{message_type.__name__}: volatile below the top: {hidden}"


@named(EVERY)
def test_a_receive_time_is_always_volatile(message_type):
    wrong = [
        name for name in stable_fields(message_type) if "recv" in name or name in {"epoch", "incarnation"}
    ]
    assert not wrong, f"two honest runs disagree on {wrong}; mark them volatile"


def test_there_is_one_schema_file_a_message_and_no_other():
    kept = {entry.name for entry in schemas.FOLDER.iterdir() if entry.name.endswith(".json")}
    assert kept == {f"{tag}.json" for tag in catalogue.BY_TAG}


@pytest.mark.parametrize("tag", catalogue.BY_TAG)
def test_the_schema_file_is_what_the_struct_says(tag):
    kept = (schemas.FOLDER / f"{tag}.json").read_text(encoding="utf-8")
    assert kept == schemas.rendered(catalogue.BY_TAG[tag]), "run `make schemas` and review the difference"
