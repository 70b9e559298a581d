"""The gate's state after a stop or a crash: snapshot and tail, or the whole journal (rule R9)."""

import contextlib
import os
from collections import deque
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from contracts import codec
from contracts.gate import GateRecord, RecordKind, Snapshot
from contracts.scalars import INT64_MAX
from risk.gate import Decision, Gate, InvariantViolated, intent_address, shown_intent_id
from services.kit.guard import ROOT
from services.kit.layout import Run
from streams.journal.gatelog import GateLog, read_records

SNAPSHOTS_KEPT = 3


GROUP_MAX = 64
"""Records that a gate journals, decides and publishes together at the most."""


class Decided(NamedTuple):
    """A record, and what the gate made of it."""

    record: GateRecord
    decision: Decision


class Recovered(Struct, frozen=True, kw_only=True):
    """Where the gate goes on.

    Attributes:
        log: The journal, open for the next record; a torn tail has been cut.
        epoch: Which start this is, from 1: a later one fences an earlier out.
        tail: The last records with their decisions, ``GROUP_MAX`` at the most: only those may never
            have been published. Without those that a snapshot holds, which were.
        unanswerable: Places of the journaled intents that could not be answered.
        positions: Last journaled sequence of each life (incarnation) of each JetStream stream.
        from_snapshot: Sequence of the snapshot used; 0 for a full replay.
    """

    gate: Gate
    log: GateLog
    epoch: int
    tail: tuple[Decided, ...]
    unanswerable: frozenset[str]
    positions: dict[tuple[str, str], int]
    from_snapshot: int


def recover_gate(run: Run) -> Recovered:
    """Open the gate's journal and bring a gate to its end.

    Raises JournalCorrupt where a record in the middle is damaged: a gate that cannot vouch for
    its past does not start.
    """
    path = run.gate / "records.log"
    log = GateLog.open(path)
    gate = latest_gate(run, log.seq) or Gate()
    from_snapshot = gate.seq
    tail: deque[Decided] = deque(maxlen=GROUP_MAX)
    unanswerable: set[str] = set()
    positions: dict[tuple[str, str], int] = {}
    for record in read_records(path):
        if record.stream:
            life = (record.stream, record.incarnation)
            positions[life] = max(record.stream_seq, positions.get(life, 0))
        if record.seq > gate.seq:
            tail.append(Decided(record, gate.decide(record)))
        if record.kind is RecordKind.INTENT and not is_answerable(record.subject, record.body):
            unanswerable.add(place_of(record.stream, record.incarnation, record.stream_seq))
    return Recovered(
        gate=gate,
        log=log,
        epoch=_next_epoch(run.gate / "epoch"),
        tail=tuple(tail),
        unanswerable=frozenset(unanswerable),
        positions=positions,
        from_snapshot=from_snapshot,
    )


def is_answerable(subject: str, body: bytes) -> bool:
    """Whether an intent can have a verdict: it shows an identity, on a subject that is an intent's."""
    return shown_intent_id(body) is not None and intent_address(subject) is not None


def place_of(stream: str, incarnation: str, stream_seq: int) -> str:
    """Where a message lies on the bus, for ever."""
    return f"{stream}/{incarnation}/{stream_seq}"


def replay_gate(records: list[GateRecord], gate: Gate) -> Gate:
    """Apply the records that ``gate`` has not seen."""
    for record in records:
        if record.seq > gate.seq:
            gate.decide(record)
    return gate


def latest_gate(run: Run, seq_max: int = INT64_MAX) -> Gate | None:
    """The gate of the newest snapshot that this code made and that is whole, or None.

    One beyond ``seq_max``, the journal's end, vouches for records that are gone: it is not used.
    """
    for path in sorted(run.gate.glob("snapshots/*.msgpack"), reverse=True):
        try:
            snapshot = codec.decode(Snapshot, path.read_bytes())
            if snapshot.code_digest != code_digest() or snapshot.seq > seq_max:
                continue
            gate = Gate.from_state(snapshot.state)
        except (codec.Undecodable, InvariantViolated):
            continue
        if (gate.seq, gate.chain, gate.state_hash()) == (snapshot.seq, snapshot.chain, snapshot.state_hash):
            return gate
    return None


def write_snapshot(run: Run, gate: Gate) -> Path:
    """Keep the gate's state beside its journal, atomically; old snapshots go."""
    folder = run.gate / "snapshots"
    folder.mkdir(exist_ok=True)
    snapshot = Snapshot(
        seq=gate.seq,
        chain=gate.chain,
        state_hash=gate.state_hash(),
        code_digest=code_digest(),
        limits_hash=gate.limits_hash(),
        state=gate.state_bytes(),
    )
    path = folder / f"{gate.seq:012d}.msgpack"
    _write_atomically(path, codec.encode(snapshot))
    for old in sorted(folder.glob("*.msgpack"))[:-SNAPSHOTS_KEPT]:
        old.unlink()
    return path


@cache
def code_digest() -> str:
    """BLAKE2b of every source file that decides: another code may decide otherwise."""
    digest = blake2b(digest_size=32)
    for package in ("contracts", "risk"):
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _next_epoch(path: Path) -> int:
    epoch = int(path.read_text(encoding="ascii")) + 1 if path.is_file() else 1
    with contextlib.suppress(OSError):  # on a full disk the gate still has to start, to deny
        _write_atomically(path, str(epoch).encode())
    return epoch


def _write_atomically(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
