"""What a journal must say of itself, whatever a replay makes of it.

The recorded order of the gate is an input of the replay, so each thing in it is held against a
second record: marks against ticks, bodies against the proposals' streams, sequences against holes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.gate import GateRecord, MarkChange
from contracts.hashview import stable_fields, view
from contracts.intents import Intent
from contracts.verdicts import DenyCode, Outcome, Verdict
from risk.gate.amounts import to_micro
from services.kit.chain import is_ours
from services.replay.inputs import intent_in
from streams.bus.specs import HEARTBEATS
from streams.journal.files import JournalFile
from streams.journal.rows import chunks, messages, stream_seqs
from streams.journal.tables import KIND_OF_TABLE

PROBLEMS_MAX = 20
"""Problems told of one kind; a broken journal has thousands, and the first ones say it."""

LOSING_STREAMS = (HEARTBEATS,)
"""Streams of which the broker itself drops what is old before long: a hole there is no loss."""


class MarketEnds:
    """Where the recorded market data ends, symbol by symbol."""

    def __init__(self, files: list[JournalFile]) -> None:
        self._last: dict[tuple[str, str], int] = defaultdict(int)
        for table in KIND_OF_TABLE:
            for chunk in chunks(files, table):
                source, _, symbol = chunk.key.split("/", 2)
                place = (source, symbol)
                self._last[place] = max(self._last[place], int(chunk.rows["seq"][-1]))

    def is_beyond(self, source: str, symbol: str, seq: int) -> bool:
        """Whether a row of the market lies behind the last one recorded."""
        return seq > self._last[source, symbol]


class Problem(Struct, frozen=True, kw_only=True):
    """Something that the journal says in two places, and not alike.

    Attributes:
        place: Where, such as ``gate_seq 17 mark of ES``.
        recorded: What is there.
        expected: What the other place says.
    """

    place: str
    recorded: str
    expected: str

    def __str__(self) -> str:
        return f"{self.place}: recorded {self.recorded}, expected {self.expected}"


def mark_problems(
    files: list[JournalFile], records: Iterable[GateRecord], ends: MarketEnds
) -> Iterator[Problem]:
    """Marks of the gate that are no recorded tick."""
    wanted: dict[tuple[str, str], list[tuple[int, int, MarkChange]]] = defaultdict(list)
    for record in records:
        for mark in record.marks:
            wanted[mark.source, mark.symbol].append((mark.seq, record.seq, mark))
    found = _prices_at(files, {place: {seq for seq, _, _ in marks} for place, marks in wanted.items()})
    for (source, symbol), marks in sorted(wanted.items()):
        for seq, gate_seq, mark in sorted(marks, key=lambda item: item[:2]):
            ticks = found.get((source, symbol, seq), [])
            said = (mark.price_micro, mark.ts_event_ns)
            if said in ticks or (not ticks and ends.is_beyond(source, symbol, seq)):
                continue
            yield Problem(
                place=f"gate_seq {gate_seq} mark of {symbol} at {source} seq {seq}",
                recorded=_price(*said),
                expected=" or ".join(_price(*tick) for tick in ticks) or "a recorded tick; there is none",
            )


def proposal_problems(files: list[JournalFile], records: Iterable[GateRecord]) -> Iterator[Problem]:
    """Intents of the gate's order that are not what their stream holds."""
    proposed = {(stored.stream, stored.stream_seq): stored.message for stored in messages(files, "intents")}
    for record in records:
        intent = intent_in(record)
        held = proposed.get((record.stream, record.stream_seq))
        if intent is None or not isinstance(held, Intent) or view(held) == view(intent):
            continue
        column = first_unequal(held, intent)
        yield Problem(
            place=f"intents {record.stream} {record.stream_seq} intent {intent.intent_id} {column}",
            recorded=str(getattr(held, column)),
            expected=f"{getattr(intent, column)} as gate_seq {record.seq} has it",
        )


def body_problems(records: Iterable[GateRecord], made: dict[str, Intent]) -> Iterator[Problem]:
    """Intents of ours in the gate's order that are not what was made again under their identity."""
    for record in records:
        intent = intent_in(record)
        if intent is None or not is_ours(record.principal, intent):
            continue
        again = made.get(intent.intent_id)
        if again is None or view(again) == view(intent):
            continue
        column = first_unequal(again, intent)
        yield Problem(
            place=f"gate_seq {record.seq} intent {intent.intent_id} {column}",
            recorded=str(getattr(intent, column)),
            expected=f"{getattr(again, column)} as it was made again",
        )


def chain_problems(recorded: list[JournalFile], made: list[JournalFile]) -> Iterator[Problem]:
    """Recorded verdicts whose hash chain is not the one made again; hash views leave it out."""
    chains = {verdict.gate_seq: verdict.chain for verdict in _verdicts(made)}
    for verdict in _verdicts(recorded):
        again = chains.get(verdict.gate_seq, verdict.chain)
        if verdict.gate_seq and again != verdict.chain:
            yield Problem(
                place=f"verdicts gate_seq {verdict.gate_seq} chain", recorded=verdict.chain, expected=again
            )


def _verdicts(files: list[JournalFile]) -> Iterator[Verdict]:
    for stored in messages(files, "verdicts"):
        assert isinstance(stored.message, Verdict)
        yield stored.message


def unaudited_problems(files: list[JournalFile]) -> Iterator[Problem]:
    """Verdicts without a place in the gate's order that are not the one denial allowed there."""
    for stored in messages(files, "verdicts"):
        verdict = stored.message
        assert isinstance(verdict, Verdict)
        if verdict.gate_seq:
            continue
        if verdict.outcome is not Outcome.DENIED or verdict.code is not DenyCode.AUDIT_UNAVAILABLE:
            yield Problem(
                place=f"verdicts stream_seq {stored.stream_seq} intent {verdict.intent_id} without gate_seq",
                recorded=f"{verdict.outcome} {verdict.code or ''}".strip(),
                expected="DENIED AUDIT_UNAVAILABLE",
            )


def hole_problems(files: list[JournalFile]) -> Iterator[Problem]:
    """Sequences that a stream's tables do not hold, from its first message to its last.

    A later life of a stream begins where its first file does: what came before is in the lives before.
    """
    lives = sorted({(file.stream, file.life) for file in files if file.stream not in LOSING_STREAMS})
    for stream, life in lives:
        of_life = [file for file in files if (file.stream, file.life) == (stream, life)]
        seen: list[NDArray[Any]] = [np.array([min(file.first for file in of_life) - 1 if life else 0])]
        seen += [np.unique(stream_seqs(file)) for file in of_life]
        seqs = np.unique(np.concatenate(seen))
        for index in np.flatnonzero(np.diff(seqs) > 1)[:PROBLEMS_MAX]:
            yield Problem(
                place=f"{stream} stream_seq {seqs[index] + 1} to {seqs[index + 1] - 1}",
                recorded="nothing",
                expected="every message of the stream; is a file gone?",
            )


def lagging_notes(files: list[JournalFile], records: Iterable[GateRecord]) -> list[str]:
    """Streams of which the gate has seen more than the journal holds: the recorder was stopped first."""
    last: dict[str, int] = defaultdict(int)
    for file in files:
        last[file.stream] = max(last[file.stream], file.last)
    behind: dict[str, int] = defaultdict(int)
    for record in records:
        if record.stream and record.stream_seq > last[record.stream]:
            behind[record.stream] += 1
    return [
        f"{stream}: {count:,} gate records rest on messages behind the last one in the journal"
        for stream, count in sorted(behind.items())
    ]


def first_unequal(left: Struct, right: Struct) -> str:
    """The first field of two messages of one type whose hash views differ."""
    names = stable_fields(type(left))
    return next(name for name in names if getattr(left, name) != getattr(right, name))


def _prices_at(
    files: list[JournalFile], wanted: dict[tuple[str, str], set[int]]
) -> dict[tuple[str, str, int], list[tuple[int, int]]]:
    found: dict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
    sorted_seqs = {place: np.array(sorted(seqs)) for place, seqs in wanted.items()}
    for table in KIND_OF_TABLE:
        for chunk in chunks(files, table):
            source, _, symbol = chunk.key.split("/", 2)
            seqs = sorted_seqs.get((source, symbol))
            if seqs is None:
                continue
            for row in chunk.rows[np.isin(chunk.rows["seq"], seqs)]:
                if table == "trades":
                    price = float(row["price"])
                else:
                    price = (float(row["bid_price"]) + float(row["ask_price"])) / 2
                found[source, symbol, int(row["seq"])].append((to_micro(price), int(row["ts_event_ns"])))
    return found


def _price(price_micro: int, ts_ns: int) -> str:
    return f"{price_micro / 1_000_000:,.6f} at {ts_ns}"
