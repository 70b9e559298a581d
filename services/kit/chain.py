"""The chain in one process: market data to features, bars and intents, and records to decisions.

What the services do one hop at a time over the bus, without the bus: for replay, for proofs and
for measuring. It holds no rule of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from contracts.codec import encode
from contracts.features import FeatureBatch
from contracts.gate import GateRecord
from contracts.intents import Intent
from contracts.limits import StrategyCard
from contracts.market import Bar, Clock, TickBatch
from risk.gate import Decision, Gate
from streams.bars.processor import BarProcessor
from streams.features.processor import FeatureProcessor
from streams.strategies import STRATEGIES, build

PREDICT = "predict"
"""The principal that runs our strategies."""

FEATURE_SET = "core"
BAR_INTERVALS = ("1s", "1m")


class Made(NamedTuple):
    """What one market message led to."""

    features: FeatureBatch | None
    bars: Sequence[Bar]
    intents: Sequence[Intent]


class Processors:
    """Features, bars and strategies with their states, fed in stream order."""

    def __init__(self, cards: Iterable[StrategyCard]) -> None:
        self._features = FeatureProcessor(FEATURE_SET)
        self._bars = BarProcessor(BAR_INTERVALS)
        self._strategies = build(cards)

    def warm_up(self) -> None:
        """Compile what is compiled, so that it does not count as work."""
        self._features.warm_up()

    def take(self, message: TickBatch | Clock) -> Made:
        """One market message. Raises ``ColumnsInvalid``."""
        if isinstance(message, Clock):
            return Made(None, self._bars.advance(message), ())
        features = self._features.process(message)
        bars = self._bars.process(message)
        intents: list[Intent] = []
        if features is not None:
            for strategy in self._strategies:
                intents += strategy.on_rows(features)
        return Made(features, bars, intents)


class Slot(NamedTuple):
    """A record of the gate whose intent a replay must make itself.

    Attributes:
        record: The record with an empty body.
        intent_id: Of the intent that belongs there; empty where the record is whole.
    """

    record: GateRecord
    intent_id: str


class IntentMissing(LookupError):
    """An intent that the gate decided on was not made again.

    Attributes:
        seq: The gate's record.
        intent_id: Of the intent.
    """

    def __init__(self, seq: int, intent_id: str) -> None:
        self.seq, self.intent_id = seq, intent_id
        super().__init__(f"gate record {seq} decides on intent {intent_id}, which was not made again")


def is_ours(principal: str, intent: Intent) -> bool:
    """Whether an intent is one that ``Processors`` makes: our strategies, under their principal."""
    return principal == PREDICT and intent.strategy_id in STRATEGIES


def decide_all(
    gate: Gate, slots: Iterable[Slot], intents: Mapping[str, Intent]
) -> Iterator[tuple[GateRecord, Decision]]:
    """The gate's decisions in its own order, each empty slot filled with the intent of that identity.

    Raises:
        IntentMissing: there is no such intent; nothing of that record was decided.
    """
    for slot in slots:
        record = slot.record
        if slot.intent_id:
            intent = intents.get(slot.intent_id)
            if intent is None:
                raise IntentMissing(record.seq, slot.intent_id)
            record = replace(record, body=encode(intent))
        yield record, gate.decide(record)
