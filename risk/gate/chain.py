"""The gate's hash chain: each link covers everything that came in and what was answered."""

from hashlib import blake2b
from operator import attrgetter

import msgspec
from msgspec import Struct

from contracts.gate import GateRecord
from contracts.hashview import stable_fields, view
from contracts.intents import Intent

START = bytes(32)
"""The chain before the first record."""

_FIELDS = stable_fields(GateRecord)
_BODY = _FIELDS.index("body")
_stable = attrgetter(*_FIELDS)
_encoder = msgspec.msgpack.Encoder()


def link(previous: bytes, record: GateRecord, intent: Intent | None, output: Struct | None) -> bytes:
    """The chain's next 32 bytes.

    Args:
        intent: What the record's body decoded as, if it is an intent: its hash view stands for
            the bytes, whose volatile fields two honest runs disagree on.
        output: The verdict or the answer to a command; None where there is neither.
    """
    taken = b"" if output is None else view(output)
    return blake2b(
        b"".join((previous, record.seq.to_bytes(8, "little"), input_view(record, intent), taken)),
        digest_size=32,
    ).digest()


def input_view(record: GateRecord, intent: Intent | None) -> bytes:
    """The bytes that the chain covers of a record."""
    if intent is None:
        return view(record)
    fields = list(_stable(record))
    fields[_BODY] = view(intent)
    return _encoder.encode(fields)
