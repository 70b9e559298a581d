"""The child of a replay: makes bars, features, intents and verdicts again from an input view.

``python -m services.replay.recompute INPUT OUTPUT`` in a fresh process. It is given two folders
and no run, and opens nothing else (``confine``): what was recorded cannot reach it. Its result
lies in OUTPUT as a journal of its own.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from contracts import codec, subjects
from contracts.intents import Intent
from risk.gate import Decision, Gate
from services.kit.chain import PREDICT, IntentMissing, Made, Processors, decide_all
from services.replay.confine import confine
from services.replay.inputs import MARKET, read_cards, read_slots
from services.replay.market import market_events
from streams.bus.specs import AUDIT, BARS, FEATURES, RISK, VERDICTS, intents_stream
from streams.journal.rows import journal_files
from streams.journal.writer import JournalWriter

JOURNAL, RESULT, OPTIONS = "journal", "result.json", "options.json"
FLUSH_ROWS = 200_000
NAP_S = 0.5
SECOND_NS = 1_000_000_000


class Options(Struct, frozen=True, kw_only=True):
    """How the market is fed again.

    Attributes:
        batch_rows: Rows of a batch at the most; 0 as recorded.
        speed: Event time over wall time; 0 for as fast as possible.
        from_ns, to_ns: Event times between which ``speed`` paces.
    """

    batch_rows: int = 0
    speed: float = 0.0
    from_ns: int = 0
    to_ns: int = 2**63 - 1


class Recomputed(Struct, frozen=True, kw_only=True):
    """What the child did.

    Attributes:
        chain: Head of the gate's hash chain.
        gate_seq: The last record decided.
        missing_intent_id: Of the intent that the next record needs and that was not made; else empty.
        seconds: Wall time without the start of the process.
    """

    ticks: int
    intents: int
    chain: str
    gate_seq: int
    missing_intent_id: str
    seconds: float


class Outputs:
    """Writes what was made again into the same tables as a recorder."""

    def __init__(self, folder: Path) -> None:
        self._writer = JournalWriter(folder)
        self._last: Counter[str] = Counter()
        self._now_ns = 0

    def take_made(self, made: Made) -> None:
        """Features, bars and intents of one market message."""
        if made.features is not None:
            batch = made.features
            self._add(FEATURES, subjects.features(batch.set, batch.venue, batch.symbol), batch)
        for bar in made.bars:
            self._add(BARS, subjects.bar(bar.interval, bar.venue, bar.symbol), bar)
        for intent in made.intents:
            subject = subjects.intent_proposed(intent.strategy_id, intent.symbol)
            self._add(intents_stream(PREDICT), subject, intent)
        self._flush_when_full()

    def take_decision(self, decision: Decision) -> None:
        """Everything that the gate said to one record."""
        if decision.verdict is not None:
            verdict = decision.verdict
            self._add(VERDICTS, subjects.verdict(verdict.strategy_id, verdict.symbol), verdict)
        for breaker in decision.breakers:
            self._add(RISK, subjects.breaker(breaker.name), breaker)
        if decision.trading_state is not None:
            self._add(RISK, subjects.RISK_STATE, decision.trading_state)
        if decision.answer is not None:
            self._add(AUDIT, subjects.AUDIT_COMMAND, decision.answer)
        self._flush_when_full()

    def flush(self) -> None:
        self._writer.flush()

    def _add(self, stream: str, subject: str, message: Struct) -> None:
        self._last[stream] += 1
        self._now_ns = max(self._now_ns, getattr(message, "ts_event_ns", 0))
        self._writer.add(
            message,
            subject=subject,
            stream=stream,
            stream_seq=self._last[stream],
            ts_store_ns=self._now_ns,
        )

    def _flush_when_full(self) -> None:
        if self._writer.rows >= FLUSH_ROWS:
            self._writer.flush()


def recompute(
    inputs: Path, outputs: Path, options: Options, sleep: Callable[[float], None] = time.sleep
) -> Recomputed:
    """Run the chain over an input view. Raises FileUnreadable, InvariantViolated."""
    started_s = time.perf_counter()
    written = Outputs(outputs / JOURNAL)
    processors = Processors(read_cards(inputs))
    intents: dict[str, Intent] = {}
    ticks = 0
    pace = _Pace(options, sleep)
    for event in market_events(journal_files(inputs / MARKET), options.batch_rows):
        pace.wait_for(event.ts_event_ns)
        made = processors.take(event.message)
        written.take_made(made)
        ticks += made.features.count if made.features else 0
        for intent in made.intents:
            intents.setdefault(intent.intent_id, intent)
    gate, missing = Gate(), ""
    try:
        for _, decision in decide_all(gate, read_slots(inputs), intents):
            written.take_decision(decision)
    except IntentMissing as error:
        missing = error.intent_id
    written.flush()
    return Recomputed(
        ticks=ticks,
        intents=len(intents),
        chain=gate.chain,
        gate_seq=gate.seq,
        missing_intent_id=missing,
        seconds=time.perf_counter() - started_s,
    )


class _Pace:
    """Holds event time to a multiple of wall time, between two event times."""

    def __init__(self, options: Options, sleep: Callable[[float], None]) -> None:
        self._options, self._sleep = options, sleep
        self._first_ns: int | None = None
        self._started_s = 0.0

    def wait_for(self, ts_ns: int) -> None:
        options = self._options
        if not options.speed or not options.from_ns <= ts_ns < options.to_ns:
            return
        if self._first_ns is None:
            self._first_ns, self._started_s = ts_ns, time.monotonic()
        due_s = self._started_s + (ts_ns - self._first_ns) / SECOND_NS / options.speed
        while (left_s := due_s - time.monotonic()) > 0:
            self._sleep(min(left_s, NAP_S))


def main(arguments: list[str]) -> None:
    """Read INPUT and its options, write OUTPUT and its result."""
    inputs, outputs = map(Path, arguments)
    confine([inputs, outputs])
    options = msgspec.json.decode((inputs / OPTIONS).read_bytes(), type=Options)
    result = recompute(inputs, outputs, options)
    (outputs / RESULT).write_bytes(codec.encode_json(result))


if __name__ == "__main__":
    main(sys.argv[1:])
