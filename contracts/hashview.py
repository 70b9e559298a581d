"""Hash views: what two honest runs must agree on, and nothing else (rule R1).

A message's view is the msgpack of its fields in contract order without the volatile ones; the
view of a tick or feature batch is its rows (``contracts.columns.packed_rows``), so that neither
batch boundaries nor wire bytes have a say.
"""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct, inspect

_encoder = msgspec.msgpack.Encoder()


@cache
def stable_fields(message_type: type[Struct]) -> tuple[str, ...]:
    """The names of the fields that count, in contract order."""
    kind = inspect.type_info(message_type)
    assert isinstance(kind, inspect.StructType)
    return tuple(field.name for field in kind.fields if not _is_volatile(field.type))


def view(message: Struct) -> bytes:
    """The bytes that a hash of this message covers."""
    return _encoder.encode(_getter(type(message))(message))


class RowHash:
    """A running BLAKE2b-256 over views or packed rows, in order."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=32)
        self.rows = 0

    def update(self, data: bytes, rows: int = 1) -> None:
        """Take in ``rows`` rows, whose views are joined in ``data``."""
        self._hash.update(data)
        self.rows += rows

    def hexdigest(self) -> str:
        """64 hexadecimal digits over everything so far."""
        return self._hash.hexdigest()


@cache
def _getter(message_type: type[Struct]) -> Callable[[Struct], Any]:
    return attrgetter(*stable_fields(message_type))


def _is_volatile(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.Metadata) and bool((kind.extra or {}).get("volatile"))
