"""The input view of a run: what a replay may read, and nothing that the run made from it.

The parent builds it; the child sees no other folder. It holds the recorded market data, the
gate's order with the bodies of our own intents taken out, and the run's configuration.
"""

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from contracts.codec import Undecodable, decode, encode
from contracts.gate import GateRecord, RecordKind
from contracts.intents import Intent
from contracts.limits import GateConfig, StrategyCard
from services.kit.chain import Slot, is_ours
from services.kit.layout import Run
from streams.journal.gatelog import read_records
from streams.journal.rows import journal_files
from streams.journal.tables import KIND_OF_TABLE

MARKET_TABLES = (*KIND_OF_TABLE, "clocks")
MARKET, ORDER, CARDS = "market", "order.frames", "cards.frames"

_LENGTH = struct.Struct("<I")


class InputsWritten(Struct, frozen=True):
    """How much there is to replay."""

    market_files: int
    records: int
    slots: int


def write_inputs(run: Run, folder: Path) -> InputsWritten:
    """Build the view of ``run`` in an empty folder.

    Raises FileUnreadable, JournalCorrupt.
    """
    market = [file for file in journal_files(run.journal) if file.table in MARKET_TABLES]
    for file in market:
        _copy(file.path, folder / MARKET / file.path.relative_to(run.journal))
    records = slots = 0
    cards: dict[str, StrategyCard] = {}
    with (folder / ORDER).open("wb") as order:
        for record in read_records(run.gate / "records.log"):
            slot = slot_of(record)
            for part in (encode(slot.record), slot.intent_id.encode()):
                order.write(_LENGTH.pack(len(part)) + part)
            records += 1
            slots += bool(slot.intent_id)
            cards |= {card.strategy_id: card for card in _cards_of(record)}
    with (folder / CARDS).open("wb") as file_of_cards:
        for card in cards.values():
            part = encode(card)
            file_of_cards.write(_LENGTH.pack(len(part)) + part)
    return InputsWritten(len(market), records, slots)


def slot_of(record: GateRecord) -> Slot:
    """The record as a replay may see it: an intent of ours keeps its identity and loses its body."""
    if record.kind is RecordKind.INTENT:
        intent = intent_in(record)
        if intent is not None and is_ours(record.principal, intent):
            return Slot(replace(record, body=b""), intent.intent_id)
    return Slot(record, "")


def intent_in(record: GateRecord) -> Intent | None:
    """The intent that a record brings in; None where its body is none."""
    if record.kind is not RecordKind.INTENT:
        return None
    try:
        return decode(Intent, record.body)
    except Undecodable:
        return None


def read_slots(folder: Path) -> Iterator[Slot]:
    """The gate's order."""
    parts = _frames(folder / ORDER)
    for body in parts:
        yield Slot(decode(GateRecord, body), next(parts).decode())


def read_cards(folder: Path) -> list[StrategyCard]:
    """The cards that the gate was configured with."""
    return [decode(StrategyCard, part) for part in _frames(folder / CARDS)]


def _cards_of(record: GateRecord) -> tuple[StrategyCard, ...]:
    if record.kind is not RecordKind.CONFIG:
        return ()
    try:
        return decode(GateConfig, record.body).cards
    except Undecodable:
        return ()


def _copy(source: Path, target: Path) -> None:
    # Never a link: a child that writes to its inputs must not reach what was recorded.
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _frames(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while header := file.read(_LENGTH.size):
            yield file.read(_LENGTH.unpack(header)[0])
