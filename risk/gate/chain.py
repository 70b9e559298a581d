"""The gate's hash chain: each link covers everything that came in and what was answered."""

from hashlib import blake2b
from operator import attrgetter

import msgspec
from msgspec import Struct

from contracts.gate import GateRecord
from contracts.hashview import stable_fields, view
from contracts.intents import Intent
from contracts.verdicts import Verdict

START = bytes(32)
"""The chain before the first record."""

# The getters of ``hashview.view``, kept here: a decision makes three views.
_encode = msgspec.msgpack.Encoder().encode
_stable_of_intent = attrgetter(*stable_fields(Intent))
_stable_of_verdict = attrgetter(*stable_fields(Verdict))


def link(previous: bytes, record: GateRecord, output: Struct | None = None) -> bytes:
    """The chain's next 32 bytes, for a record whose body is no intent.

    Args:
        output: The answer to a command; None where there is none.
    """
    return _hashed(previous, record.seq, view(record), b"" if output is None else view(output))


def link_intent(previous: bytes, record: GateRecord, intent: Intent, verdict: Verdict | None) -> bytes:
    """The chain's next 32 bytes, for a record whose body decodes as an intent.

    The intent's hash view stands for the body, whose bytes hold volatile fields that two honest
    runs disagree on.
    """
    taken_out = b"" if verdict is None else _encode(_stable_of_verdict(verdict))
    return _hashed(previous, record.seq, input_view(record, intent), taken_out)


def input_view(record: GateRecord, intent: Intent) -> bytes:
    """The hash view of a record with the intent's hash view in place of its body."""
    return _encode(
        (
            record.seq,
            record.kind,
            record.gate_ts_ns,
            _encode(_stable_of_intent(intent)),
            record.subject,
            record.principal,
            record.stream,
            record.marks,
            record.sessions,
            record.is_audit_ok,
            record.denied_unaudited,
        )
    )


def _hashed(previous: bytes, seq: int, taken_in: bytes, taken_out: bytes) -> bytes:
    return blake2b(
        b"".join((previous, seq.to_bytes(8, "little"), taken_in, taken_out)), digest_size=32
    ).digest()
