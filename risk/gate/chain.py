"""The gate's hash chain: each link covers everything that came in and what was answered."""

from hashlib import blake2b
from operator import attrgetter

import msgspec
from msgspec import Struct

from contracts.gate import GateRecord
from contracts.hashview import stable_fields, view
from contracts.intents import Intent
from contracts.verdicts import DenyCode, Verdict

START = bytes(32)
"""The chain before the first record."""

# The getters of ``hashview.view``, kept here: a decision makes three views.
_encode = msgspec.msgpack.Encoder().encode
_stable_of_intent = attrgetter(*stable_fields(Intent))
_VERDICT = stable_fields(Verdict)
_CHECKS = _VERDICT.index("checks")
_HEADS = [_encode([None] * count)[:-count] for count in range(1, len(DenyCode) + 1)]
_HEADS.insert(0, _encode([]))
"""How msgpack begins an array, by its length."""
_before_checks = attrgetter(*_VERDICT[:_CHECKS])
_after_checks = attrgetter(*_VERDICT[_CHECKS + 1 :])


def link(previous: bytes, record: GateRecord, output: Struct | None = None) -> bytes:
    """The chain's next 32 bytes, for a record that brings no intent.

    Args:
        output: The answer to a command; None where there is none.
    """
    return _hashed(previous, record.seq, view(record), b"" if output is None else view(output))


def link_intent(
    previous: bytes,
    record: GateRecord,
    intent: Intent | None,
    verdict: Verdict | None = None,
    checks_view: bytes = b"",
) -> bytes:
    """The chain's next 32 bytes, for an ``intent`` record.

    Args:
        intent: What the body decodes as: its hash view stands for the bytes, whose volatile
            fields two honest runs disagree on. None where it does not decode.
        verdict: The answer; None where there is nobody to answer.
        checks_view: The hash views of the verdict's checks, one after another.
    """
    taken_in = view(record) if intent is None else input_view(record, intent)
    taken_out = b"" if verdict is None else _verdict_view(verdict, checks_view)
    return _hashed(previous, record.seq, taken_in, taken_out)


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


def _verdict_view(verdict: Verdict, checks_view: bytes) -> bytes:
    """The verdict's hash view, with the part that was encoded before put in as it is."""
    checks = msgspec.Raw(_HEADS[len(verdict.checks)] + checks_view)
    return _encode((*_before_checks(verdict), checks, *_after_checks(verdict)))


def _hashed(previous: bytes, seq: int, taken_in: bytes, taken_out: bytes) -> bytes:
    return blake2b(
        b"".join((previous, seq.to_bytes(8, "little"), taken_in, taken_out)), digest_size=32
    ).digest()
