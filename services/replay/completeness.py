"""Whether a journal holds all that was written: what is gone, what is there twice, what nobody answered.

Equal hashes say that what is there is right. These say that enough is there to speak of the run.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from contracts.gate import GateRecord
from contracts.hashview import view
from contracts.intents import Intent
from contracts.operations import DeadLetter
from contracts.verdicts import Verdict
from services.replay.compare import KeyResult, is_output
from services.replay.evidence import Problem, first_unequal
from services.replay.inputs import intent_in
from streams.journal.files import JournalFile
from streams.journal.hashes import MESSAGE_OUTPUTS
from streams.journal.rows import (
    Rows,
    Stored,
    chunks,
    identity_of,
    key_of,
    messages,
    repeated_chunks,
    stream_seqs,
)
from streams.journal.tables import FEATURES, KIND_OF_TABLE, RAW
from streams.journal.writer import INTENTS_PREFIX

UNMARKED = (
    "the recorder did not stop cleanly, so nothing says where the streams ended: "
    "rows that are gone at an end cannot be told from rows never written"
)


def end_problems(files: list[JournalFile], ends: Mapping[str, int]) -> Iterator[Problem]:
    """Streams that the journal does not hold exactly up to where the recorder said it had come."""
    lasts = last_seqs(files)
    for stream in sorted({*ends, *lasts}):
        found, end = lasts.get(stream, 0), ends.get(stream, 0)
        if found < end:
            yield Problem(
                place=f"{stream} stream_seq {found + 1} to {end}",
                recorded="nothing",
                expected="every message up to the recorder's end marker; is a file gone?",
            )
        elif found > end:
            yield Problem(
                place=f"{stream} stream_seq {end + 1} to {found}",
                recorded="messages",
                expected="nothing behind the recorder's end marker",
            )


def last_seqs(files: list[JournalFile]) -> dict[str, int]:
    """The last sequence of each stream that a row of the journal holds, in the stream's last life."""
    last: dict[str, tuple[int, int]] = {}
    for file in files:
        if file.rows:
            place = (file.life, int(stream_seqs(file).max()))
            last[file.stream] = max(place, last.get(file.stream, (0, 0)))
    return {stream: seq for stream, (_, seq) in last.items()}


def gone_problems(
    files: list[JournalFile], keys: Iterable[KeyResult], records: Iterable[GateRecord]
) -> Iterator[Problem]:
    """Whole tables and streams that are not there, though others rest on them."""
    tables = {file.table for file in files if file.rows}
    streams = {file.stream for file in files if file.rows}
    made: Counter[str] = Counter()
    for key in keys:
        made[key.table] += key.rows_recomputed
    used: Counter[str] = Counter()
    marks = 0
    for record in records:
        used[record.stream] += 1
        marks += len(record.marks)
    for table, rows in made.items():
        if rows and table not in tables:
            yield Problem(place=f"table {table}", recorded="0 rows", expected=f"{rows:,} rows")
    for stream, count in sorted(used.items()):
        if stream and stream not in streams:
            expected = f"the messages of {count:,} gate records"
            yield Problem(place=f"stream {stream}", recorded="nothing", expected=expected)
    if marks and not tables.intersection(KIND_OF_TABLE):
        yield Problem(
            place="market data", recorded="0 rows", expected=f"the ticks of {marks:,} marks of the gate"
        )


def repeat_problems(files: list[JournalFile]) -> Iterator[Problem]:
    """What is there a second time under its identity, and not alike: hashes see the first one only."""
    yield from _repeated_features(files)
    for table in MESSAGE_OUTPUTS:
        first: dict[object, Stored] = {}
        for stored in messages(files, table):
            message = stored.message
            if not is_output(stored) or (isinstance(message, Verdict) and not message.gate_seq):
                continue
            held = first.setdefault((key_of(stored), identity_of(stored)), stored).message
            if view(held) != view(message):
                column = first_unequal(held, message)
                yield Problem(
                    place=f"{table} {stored.stream} {stored.stream_seq} again {identity_of(stored)} {column}",
                    recorded=str(getattr(message, column)),
                    expected=f"{getattr(held, column)} as the first one has it",
                )


def _repeated_features(files: list[JournalFile]) -> Iterator[Problem]:
    again: dict[str, list[Rows]] = {}
    for chunk in repeated_chunks(files, FEATURES):
        again.setdefault(chunk.key, []).append(chunk.rows)
    if not again:
        return
    for chunk in chunks(files, FEATURES):
        for rows in again.get(chunk.key, ()):
            if rows.dtype != chunk.rows.dtype:
                continue
            _, at, held_at = np.intersect1d(rows["seq"], chunk.rows["seq"], return_indices=True)
            for mine, held in zip(rows[at], chunk.rows[held_at], strict=True):
                if mine.tobytes() != held.tobytes():
                    yield Problem(
                        place=f"{FEATURES} {chunk.key} again seq {mine['seq']}",
                        recorded="another row",
                        expected="the same as the first one",
                    )


def unanswered_problems(files: list[JournalFile], records: Iterable[GateRecord]) -> Iterator[Problem]:
    """Proposals that the gate passed over: neither in its order nor among the dead letters.

    Those behind the last one that it took were still on their way when it stopped.
    """
    taken: set[tuple[str, int]] = set()
    known: set[tuple[str, str]] = set()
    last: dict[str, int] = {}
    for record in records:
        taken.add((record.stream, record.stream_seq))
        last[record.stream] = max(record.stream_seq, last.get(record.stream, 0))
        known.update((denied.principal, denied.intent_id) for denied in record.denied_unaudited)
        if (intent := intent_in(record)) is not None:
            known.add((record.principal, intent.intent_id))
    for stored in messages(files, "dead_letters"):
        if isinstance(stored.message, DeadLetter):
            taken.add((stored.message.stream, stored.message.stream_seq))
    for stored in messages(files, "verdicts"):
        if isinstance(stored.message, Verdict) and not stored.message.gate_seq:
            known.add((stored.message.principal, stored.message.intent_id))
    for stream, seq, principal, intent_id in _proposals(files):
        if (stream, seq) not in taken and (principal, intent_id) not in known and seq <= last.get(stream, 0):
            yield Problem(
                place=f"intents {stream} {seq} intent {intent_id or 'unreadable'}",
                recorded="no gate record",
                expected="a gate record or a dead letter",
            )


def _proposals(files: list[JournalFile]) -> Iterator[tuple[str, int, str, str]]:
    for stored in messages(files, "intents"):
        if isinstance(stored.message, Intent):
            yield stored.stream, stored.stream_seq, stored.principal, stored.message.intent_id
    for file in files:
        if file.table == RAW and file.stream.startswith(INTENTS_PREFIX):
            for seq in stream_seqs(file).tolist():
                yield file.stream, seq, "", ""
