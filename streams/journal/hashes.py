"""Hashes: a digest a table and key over canonical rows, and one for the run (rule R1)."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from contracts.hashview import RowHash, view
from contracts.verdicts import Verdict
from streams.journal.files import JournalFile
from streams.journal.rows import Chunk, Stored, chunks, identity_of, journal_files, key_of, messages
from streams.journal.tables import FEATURES, QUOTES, TRADES

BATCH_OUTPUTS = (FEATURES,)
MESSAGE_OUTPUTS = ("bars", "intents", "verdicts", "breakers", "trading_states", "command_answers")
"""What a replay makes again, in the order of the chain: the first difference comes first."""

BATCH_INPUTS = (TRADES, QUOTES)
MESSAGE_INPUTS = ("clocks",)

Key = tuple[str, str]
"""Table, and key within it."""


class TableHash(NamedTuple):
    """Rows of one key, and the BLAKE2b-256 of their views in order."""

    rows: int
    hexdigest: str


Hashes = dict[Key, TableHash]


class Range(NamedTuple):
    """Event times ``[from_ns, to_ns)``."""

    from_ns: int = 0
    to_ns: int = 2**63 - 1

    def holds(self, ts_ns: int) -> bool:
        return self.from_ns <= ts_ns < self.to_ns


EVERYTHING = Range()


def journal_hashes(
    folder: Path, *, within: Range = EVERYTHING, limits: Mapping[Key, int] | None = None
) -> Hashes:
    """The hashes of everything that a replay makes again.

    ``limits`` says how many rows of a key count, for a journal that ends early; others count whole.
    Raises FileUnreadable.
    """
    files = journal_files(folder)
    return hashes_of(files, BATCH_OUTPUTS, MESSAGE_OUTPUTS, within=within, limits=limits or {})


def input_hashes(folder: Path, *, within: Range = EVERYTHING) -> Hashes:
    """The hashes of the market data that a replay is fed with. Raises FileUnreadable."""
    return hashes_of(journal_files(folder), BATCH_INPUTS, MESSAGE_INPUTS, within=within, limits={})


def hashes_of(
    files: Iterable[JournalFile],
    batch_tables: Iterable[str],
    message_tables: Iterable[str],
    *,
    within: Range,
    limits: Mapping[Key, int],
    counts: Callable[[Stored], bool] = lambda _: True,
) -> Hashes:
    """The hashes of these tables, over the messages that count. Raises FileUnreadable."""
    files = list(files)
    running: dict[Key, RowHash] = {}
    named: dict[Key, tuple[str, ...]] = {}
    for table in batch_tables:
        for chunk in chunks(files, table):
            rows = rows_within(chunk, within)
            key = (table, chunk.key)
            digest = running.setdefault(key, RowHash())
            rows = rows[: max(0, limits.get(key, 2**62) - digest.rows)]
            if len(rows) and named.get(key) != chunk.names:
                named[key] = chunk.names
                digest.update(",".join(chunk.names).encode(), rows=0)
            digest.update(rows.tobytes(), rows=len(rows))
    for table in message_tables:
        for stored in output_messages(files, table, within):
            key = (table, key_of(stored))
            digest = running.setdefault(key, RowHash())
            if counts(stored) and digest.rows < limits.get(key, 2**62):
                digest.update(view(stored.message))
    return {key: TableHash(digest.rows, digest.hexdigest()) for key, digest in running.items() if digest.rows}


def run_hash(hashes: Hashes, chain: str = "") -> str:
    """One digest over the sorted list of hashes and the head of the gate's chain."""
    total = blake2b(digest_size=32)
    for (table, key), (rows, hexdigest) in sorted(hashes.items()):
        total.update(f"{table}\t{key}\t{rows}\t{hexdigest}\n".encode())
    total.update(chain.encode())
    return total.hexdigest()


def rows_within(chunk: Chunk, within: Range) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """The chunk's rows whose event time lies in the range."""
    if within == EVERYTHING:
        return chunk.rows
    ts_ns = chunk.rows["ts_event_ns"]
    return chunk.rows[(ts_ns >= within.from_ns) & (ts_ns < within.to_ns)]


def output_messages(files: Iterable[JournalFile], table: str, within: Range = EVERYTHING) -> Iterable[Stored]:
    """The messages that count, each once: verdicts in the gate's order, others in the stream's.

    A verdict that the journal could not take (gate sequence 0) is no part of the gate's order.
    """
    found = messages(files, table)
    if table in {"verdicts", "trading_states", "command_answers", "breakers"}:
        found = iter(sorted(found, key=lambda stored: (_gate_seq(stored), stored.stream_seq)))
    seen: set[object] = set()
    for stored in found:
        if table == "verdicts" and not _gate_seq(stored):
            continue
        identity = (key_of(stored), identity_of(stored))
        if identity in seen:
            continue
        seen.add(identity)
        if within.holds(_time_of(stored)):
            yield stored


def _gate_seq(stored: Stored) -> int:
    return int(getattr(stored.message, "gate_seq", 0))


def _time_of(stored: Stored) -> int:
    message = stored.message
    return int(message.gate_ts_ns if isinstance(message, Verdict) else getattr(message, "ts_event_ns", 0))
