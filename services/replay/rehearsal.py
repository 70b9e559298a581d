"""A rehearsal: a run recorded without a broker, the same to the byte every time.

The chain, the gate's market view and the journal are the real ones; what is missing is the bus
and the wall. Proofs, benches and the golden journal are made with it. An intent reaches the gate
a few market messages after the row that it rests on, as it would over the bus.
"""

from collections import deque
from typing import NamedTuple, Self

from msgspec import Struct

from contracts import subjects
from contracts.codec import Undecodable, decode_any, encode
from contracts.control import OperatorCommand
from contracts.gate import GateRecord, RecordKind
from contracts.market import Clock, TickBatch
from contracts.scalars import SECOND_NS
from risk.gate import Decision, Gate
from services.gate.market import MarketView
from services.kit.chain import PREDICT, Made, Processors
from services.kit.gate_config import load_gate_config
from services.kit.layout import Run
from services.kit.recovery import write_snapshot
from services.kit.run_files import furnish
from services.replay.recompute import Outputs
from streams.bus.specs import CONTROL, MARKET, intents_stream
from streams.journal.ends import write_ends
from streams.journal.gatelog import GateLog

LAG_MESSAGES = 2
"""Market messages between an intent's row and its decision."""

NO_WALL_NS = 0
"""The wall stands still, so that no silence is ever heard."""

INCARNATION = "rehearsal"


class _Arrival(NamedTuple):
    kind: RecordKind
    body: bytes
    subject: str
    principal: str
    stream: str
    stream_seq: int


class Rehearsal:
    """Records one run into ``run``, which must be empty. Close it, or use it as a context manager.

    Attributes:
        gate: The gate; its chain is the run's.
    """

    def __init__(self, run: Run, *, snapshot_every: int = 0) -> None:
        run.create()
        furnish(run)
        config = load_gate_config(run)
        self.run = run
        self.gate = Gate()
        self._snapshot_every = snapshot_every
        self._log = GateLog.open(run.gate / "records.log", sync=False)
        self._outputs = _Recording(run.journal)
        self._processors = Processors(config.cards)
        self._market = MarketView()
        self._market.use(config.instruments)
        self._waiting: deque[tuple[int, _Arrival]] = deque()
        self._messages = 0
        self._config = encode(config)

    def take(self, message: TickBatch | Clock) -> Made:
        """One market message: recorded, seen by the gate, and processed."""
        if isinstance(message, TickBatch):
            self._outputs.record(MARKET, subjects.tick(message.kind, message.venue, message.symbol), message)
            self._market.take_batch(message, NO_WALL_NS)
        else:
            self._outputs.record(MARKET, subjects.CLOCK, message)
            self._market.take_clock(message, NO_WALL_NS)
        if not self.gate.seq:
            self._decide(_Arrival(RecordKind.CONFIG, self._config, "", "", "", 0))
        self._messages += 1
        made = self._processors.take(message)
        for intent in made.intents:
            self.propose(subjects.intent_proposed(intent.strategy_id, intent.symbol), encode(intent))
        self._outputs.take_market_made(made)
        while self._waiting and self._waiting[0][0] <= self._messages:
            self._decide(self._waiting.popleft()[1])
        if self._market.ts_event_ns - self.gate.gate_ts_ns >= SECOND_NS:
            self._decide(_Arrival(RecordKind.TIMER, b"", "", "", "", 0))
        return made

    def propose(self, subject: str, body: bytes, principal: str = PREDICT) -> None:
        """An intent of anybody, well formed or not; the gate answers it a little later."""
        stream = intents_stream(principal)
        stream_seq = self._outputs.record_bytes(stream, subject, body)
        arrival = _Arrival(RecordKind.INTENT, body, subject, principal, stream, stream_seq)
        self._waiting.append((self._messages + LAG_MESSAGES, arrival))

    def command(self, order: OperatorCommand) -> None:
        """An operator's command; it takes effect at once."""
        subject, body = subjects.control(order.command, order.operator), encode(order)
        stream_seq = self._outputs.record_bytes(CONTROL, subject, body)
        self._decide(_Arrival(RecordKind.CONTROL, body, subject, order.operator, CONTROL, stream_seq))

    def close(self) -> None:
        """Decide what still waits, flush, and mark the end."""
        while self._waiting:
            self._decide(self._waiting.popleft()[1])
        self._outputs.flush()
        write_ends(self.run.journal, self._outputs.ends)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decide(self, arrival: _Arrival) -> Decision:
        changes = self._market.changes(NO_WALL_NS)
        record = GateRecord(
            seq=self.gate.seq + 1,
            kind=arrival.kind,
            gate_ts_ns=max(self.gate.gate_ts_ns, changes.gate_ts_ns),
            body=arrival.body,
            subject=arrival.subject,
            principal=arrival.principal,
            stream=arrival.stream,
            stream_seq=arrival.stream_seq,
            incarnation=INCARNATION if arrival.stream else "",
            marks=changes.marks,
            sessions=changes.sessions,
        )
        self._log.append(encode(record))
        self._market.journaled(changes)
        decision = self.gate.decide(record, epoch=1)
        self._outputs.take_decision(decision)
        if self._snapshot_every and self.gate.seq % self._snapshot_every == 0:
            write_snapshot(self.run, self.gate)
        return decision


class _Recording(Outputs):
    """The same tables as a replay writes, and what only a recorder sees: market and proposals."""

    @property
    def ends(self) -> dict[str, int]:
        """The last sequence of each stream."""
        return dict(self._last)

    def take_market_made(self, made: Made) -> None:
        """Features and bars; intents were recorded as they were proposed."""
        self.take_made(made._replace(intents=()))

    def record(self, stream: str, subject: str, message: Struct) -> int:
        """One message; its stream sequence."""
        self._add(stream, subject, message)
        return self._last[stream]

    def record_bytes(self, stream: str, subject: str, body: bytes) -> int:
        """One message as it came, decoded or raw; its stream sequence."""
        try:
            return self.record(stream, subject, decode_any(body))
        except Undecodable as error:
            self._last[stream] += 1
            self._writer.add_raw(
                body,
                str(error),
                subject=subject,
                stream=stream,
                stream_seq=self._last[stream],
                ts_store_ns=self._now_ns,
            )
            return self._last[stream]
