"""The comparison of what was recorded with what was made again, row by row where hashes differ."""

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from contracts.hashview import stable_fields
from contracts.intents import Intent
from contracts.market import Bar
from services.kit.chain import is_ours
from streams.journal.files import JournalFile
from streams.journal.hashes import (
    BATCH_OUTPUTS,
    EVERYTHING,
    MESSAGE_OUTPUTS,
    Hashes,
    Key,
    Range,
    TableHash,
    hashes_of,
    output_messages,
    rows_within,
)
from streams.journal.rows import Rows, Stored, chunks, key_of

NOTHING = TableHash(0, "")

ABSENT = "nothing"


class Difference(Struct, frozen=True, kw_only=True):
    """The first thing on which record and replay disagree.

    Attributes:
        table, key: Where.
        place: Which row, in the words of its table: ``seq 17``, ``intent 3fa…``, ``gate_seq 12``.
        column: The first field that differs; empty where a whole row is missing.
        recorded, recomputed: Its values.
    """

    table: str
    key: str
    place: str
    column: str
    recorded: str
    recomputed: str

    def __str__(self) -> str:
        what = f" {self.column}" if self.column else ""
        return (
            f"{self.table} {self.key} {self.place}{what}: "
            f"recorded {self.recorded}, recomputed {self.recomputed}"
        )


class KeyResult(Struct, frozen=True, kw_only=True):
    """One table and key: both hashes over the rows compared, and what was left out.

    Attributes:
        rows_recorded, rows_recomputed: How many there are, compared or not.
        note: Why rows were left out, else empty.
        difference: The first, where the hashes differ.
    """

    table: str
    key: str
    recorded: TableHash
    recomputed: TableHash
    rows_recorded: int = 0
    rows_recomputed: int = 0
    note: str = ""
    difference: Difference | None = None


IsBeyond = Callable[[str, str, dict[str, Any]], bool]
"""Whether a recorded row (table, key, fields) rests on market data that the journal lacks."""


def compare(
    recorded: list[JournalFile],
    recomputed: list[JournalFile],
    is_beyond: IsBeyond,
    within: Range = EVERYTHING,
) -> list[KeyResult]:
    """Every table and key of the outputs, in the order of the chain."""
    ours = _hashes(recorded, within, {})
    again = _hashes(recomputed, within, {})
    order = {table: place for place, table in enumerate((*BATCH_OUTPUTS, *MESSAGE_OUTPUTS))}
    keys = sorted(ours.keys() | again.keys(), key=lambda key: (order[key[0]], key[1]))
    uneven = {
        key: min(ours.get(key, NOTHING).rows, again.get(key, NOTHING).rows)
        for key in keys
        if ours.get(key, NOTHING).rows != again.get(key, NOTHING).rows
    }
    if uneven:
        ours_cut, again_cut = _hashes(recorded, within, uneven), _hashes(recomputed, within, uneven)
    else:
        ours_cut, again_cut = ours, again
    results = []
    for key in keys:
        left, right = ours_cut.get(key, NOTHING), again_cut.get(key, NOTHING)
        note, difference = "", None
        if left != right:
            difference = _first_difference(key, recorded, recomputed, within)
        elif key in uneven:
            whole = ours.get(key, NOTHING).rows, again.get(key, NOTHING).rows
            note, difference = _uneven(key, whole, recorded, within, is_beyond)
        results.append(
            KeyResult(
                table=key[0],
                key=key[1],
                recorded=left,
                recomputed=right,
                rows_recorded=ours.get(key, NOTHING).rows,
                rows_recomputed=again.get(key, NOTHING).rows,
                note=note,
                difference=difference,
            )
        )
    return results


def is_output(stored: Stored) -> bool:
    """Whether a replay makes this message again; a foreign principal's intent is an input."""
    return not isinstance(stored.message, Intent) or is_ours(stored.principal, stored.message)


def _hashes(files: list[JournalFile], within: Range, limits: dict[Key, int]) -> Hashes:
    return hashes_of(files, BATCH_OUTPUTS, MESSAGE_OUTPUTS, within=within, limits=limits, counts=is_output)


def _uneven(
    key: Key, rows: tuple[int, int], recorded: list[JournalFile], within: Range, is_beyond: IsBeyond
) -> tuple[str, Difference | None]:
    found, made = rows
    if found < made:
        return f"the record ends after {found:,} of {made:,} rows: the run stopped before the rest", None
    place, fields = next(_rows(key, recorded, within, skip=made))
    if is_beyond(key[0], key[1], fields):
        return f"{found - made:,} rows rest on market data that the journal does not hold yet", None
    return "", Difference(
        table=key[0], key=key[1], place=place, column="", recorded="this row", recomputed=ABSENT
    )


def _first_difference(
    key: Key, recorded: list[JournalFile], recomputed: list[JournalFile], within: Range
) -> Difference:
    for left, right in _from_unequal(key, recorded, recomputed, within):
        if left is None or right is None:
            present = left or right
            assert present is not None
            said = ("this row", ABSENT) if left else (ABSENT, "this row")
            return Difference(
                table=key[0], key=key[1], place=present[0], column="", recorded=said[0], recomputed=said[1]
            )
        column = _first_unequal(left[1], right[1])
        if column:
            return Difference(
                table=key[0],
                key=key[1],
                place=left[0],
                column=column,
                recorded=_told(left[1].get(column, ABSENT)),
                recomputed=_told(right[1].get(column, ABSENT)),
            )
    return Difference(
        table=key[0], key=key[1], place="names", column="", recorded="one order", recomputed="another"
    )


Row = tuple[str, dict[str, Any]]


def _rows(key: Key, files: list[JournalFile], within: Range, skip: int = 0) -> Iterator[Row]:
    table, wanted = key
    if table in BATCH_OUTPUTS:
        for rows in _batches(key, files, within):
            if skip >= len(rows):
                skip -= len(rows)
                continue
            for row in rows[skip:]:
                yield f"seq {row['seq']}", {name: row[name].item() for name in rows.dtype.names or ()}
            skip = 0
        return
    for stored in output_messages(files, table, within):
        if key_of(stored) == wanted and is_output(stored):
            if skip:
                skip -= 1
                continue
            yield _place(stored), _fields(stored)


def _batches(key: Key, files: list[JournalFile], within: Range) -> Iterator[Rows]:
    for chunk in chunks(files, key[0]):
        if chunk.key == key[1]:
            yield rows_within(chunk, within)


def _from_unequal(
    key: Key, recorded: list[JournalFile], recomputed: list[JournalFile], within: Range
) -> Iterator[tuple[Row | None, Row | None]]:
    """The rows side by side from the first stretch on that differs; equal stretches go by fast."""
    equal = 0
    if key[0] in BATCH_OUTPUTS:
        left, right = _batches(key, recorded, within), _batches(key, recomputed, within)
        for ours, again in _aligned(left, right):
            if ours.dtype != again.dtype or ours.tobytes() != again.tobytes():
                break
            equal += len(ours)
    yield from zip_longest(
        _rows(key, recorded, within, skip=equal), _rows(key, recomputed, within, skip=equal)
    )


def _aligned(left: Iterator[Rows], right: Iterator[Rows]) -> Iterator[tuple[Rows, Rows]]:
    ours, again = next(left, None), next(right, None)
    while ours is not None and again is not None:
        count = min(len(ours), len(again))
        yield ours[:count], again[:count]
        ours = ours[count:] if count < len(ours) else next(left, None)
        again = again[count:] if count < len(again) else next(right, None)


def _place(stored: Stored) -> str:
    message = stored.message
    match message:
        case Intent():
            return f"intent {message.intent_id} (seq {message.basis_seq})"
        case Bar():
            return f"bar of trades {message.first_seq} to {message.last_seq}"
        case _:
            return f"gate_seq {getattr(message, 'gate_seq', 0)}"


def _fields(stored: Stored) -> dict[str, Any]:
    return {name: getattr(stored.message, name) for name in stable_fields(type(stored.message))}


def _first_unequal(left: dict[str, Any], right: dict[str, Any]) -> str:
    for name in dict.fromkeys((*left, *right)):
        if name not in left or name not in right or not _same(left[name], right[name]):
            return name
    return ""


def _same(left: Any, right: Any) -> bool:
    # By bytes for floats: what hashes see, and NaN differs from nothing but another number.
    if isinstance(left, float) and isinstance(right, float):
        return np.float64(left).tobytes() == np.float64(right).tobytes()
    return bool(left == right)


def _told(value: Any) -> str:
    if isinstance(value, str):
        return value or "''"
    if isinstance(value, int | float):
        return repr(value)
    return msgspec.json.encode(value).decode()


def differences(results: Iterable[KeyResult]) -> list[Difference]:
    """The differences, the one nearest to the market first."""
    return [result.difference for result in results if result.difference is not None]
