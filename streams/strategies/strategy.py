"""A strategy: a deterministic processor from feature rows to intents.

A rule says what it wishes; everything a rule needs not know is here: which rows count, what was
wished before, and the stamping. One decision a symbol and second of event time at the most, on
the first row of that second, so that how rows are split into batches has no say.
"""

from typing import Literal, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.columns import feature_columns
from contracts.features import FeatureBatch
from contracts.identity import intent_id
from contracts.intents import Intent, IntentDraft, Side, Urgency
from contracts.limits import StrategyCard
from contracts.scalars import SECOND_NS

EXPLAIN_MAX = 250


class Row(Struct, frozen=True):
    """What a rule sees of one feature row: the past, and nothing else.

    Attributes:
        values: The features that the rule asked for, in its order; all past their warm-up.
    """

    symbol: str
    ts_event_ns: int
    price: float
    values: tuple[float, ...]


class Wish(Struct, frozen=True):
    """An exposure that a rule would like to hold.

    Attributes:
        units: Of the rule's ``notional_unit``; 0 with ``flat``, else at least 1.
        urgency, reason: Of the change towards it; they do not tell one wish from another.
    """

    side: Side
    units: int
    urgency: Urgency = "low"
    reason: str = ""

    def is_same(self, other: "Wish") -> bool:
        """Whether both ask for the same exposure."""
        return (self.side, self.units) == (other.side, other.units)


FLAT = Wish("flat", 0)


class Rule(Protocol):
    """The thinking part of a strategy. Pure: the same row and wish give the same wish.

    Attributes:
        strategy_id: Names the strategy, its card and its subjects.
        features: The features it reads, of the set ``core``.
        notional_unit: Step of its targets, in account currency.
        max_slippage_bps: What it accepts to lose to a moving price.
    """

    strategy_id: str
    features: tuple[str, ...]
    notional_unit: float
    max_slippage_bps: int

    def wish(self, row: Row, held: Wish) -> Wish:
        """What it would like to hold now, given what it wished last."""
        ...


class Strategy(Protocol):
    """What ``services/predict`` runs."""

    @property
    def card(self) -> StrategyCard: ...

    def on_rows(self, batch: FeatureBatch) -> list[Intent]:
        """Take in rows and return the intents that they cause, in row order.

        Rows at or before the last sequence of their source and symbol were seen before, and
        change nothing.

        Raises:
            ColumnsInvalid: the batch does not hold the rows that it promises.
        """
        ...


class _Held(Struct):
    """State of one source and symbol."""

    seq: int = 0
    step: int = -1
    wish: Wish = FLAT


class RuleStrategy:
    """A rule under a card."""

    def __init__(self, rule: Rule, card: StrategyCard, *, step_ns: int = SECOND_NS) -> None:
        self._rule, self._card, self._step_ns = rule, card, step_ns
        self._held: dict[tuple[str, str], _Held] = {}

    @property
    def card(self) -> StrategyCard:
        return self._card

    def on_rows(self, batch: FeatureBatch) -> list[Intent]:
        if batch.symbol not in self._card.instruments or not set(self._rule.features) <= set(batch.names):
            return []
        columns = feature_columns(batch)
        held = self._held.setdefault((batch.source, batch.symbol), _Held())
        needed = sum(1 << batch.names.index(name) for name in self._rule.features)
        intents = []
        for index in self._deciding(columns["seq"], columns["ts_event_ns"], held):
            if int(columns["valid"][index]) & needed != needed:
                continue
            row = Row(
                batch.symbol,
                int(columns["ts_event_ns"][index]),
                float(columns["price"][index]),
                tuple(float(columns[name][index]) for name in self._rule.features),
            )
            wish = self._rule.wish(row, held.wish)
            if not wish.is_same(held.wish):
                held.wish = wish
                intents.append(self._stamped(wish, row, batch, int(columns["seq"][index])))
        return intents

    def _deciding(self, seqs: NDArray[np.generic], times: NDArray[np.generic], held: _Held) -> list[int]:
        """Indices of the rows that are the first of their second; moves ``held`` past the batch."""
        steps = times.astype(np.int64) // self._step_ns
        highest = np.maximum.accumulate(np.concatenate([[held.step], steps]))
        chosen = np.flatnonzero((seqs.astype(np.int64) > held.seq) & (steps > highest[:-1])).tolist()
        held.seq, held.step = max(held.seq, int(seqs[-1])), int(highest[-1])
        return chosen

    def _stamped(self, wish: Wish, row: Row, batch: FeatureBatch, seq: int) -> Intent:
        rule, card = self._rule, self._card
        draft = IntentDraft(
            symbol=batch.symbol,
            side=wish.side,
            target_notional=min(wish.units * rule.notional_unit, card.target_notional_max),
            urgency=wish.urgency,
            max_slippage_bps=rule.max_slippage_bps,
            explain=wish.reason[:EXPLAIN_MAX],
        )
        return Intent(
            symbol=draft.symbol,
            side=draft.side,
            target_notional=draft.target_notional,
            urgency=draft.urgency,
            max_slippage_bps=draft.max_slippage_bps,
            explain=draft.explain,
            intent_id=intent_id(card.strategy_id, batch.source, seq, draft),
            strategy_id=card.strategy_id,
            ts_event_ns=row.ts_event_ns,
            basis_source=batch.source,
            basis_seq=seq,
            basis_ts_ns=row.ts_event_ns,
            ts_recv_ns=batch.ts_recv_ns,
        )


def direction(side: Literal["long", "short", "flat"]) -> int:
    """1 long, -1 short, 0 flat."""
    return {"long": 1, "short": -1, "flat": 0}[side]
