"""Traffic for a gate alone: a real-time market in ES and intents that it can approve."""

import asyncio
import time

import numpy as np

from contracts import codec, subjects
from contracts.columns import pack
from contracts.identity import intent_id
from contracts.intents import Intent, IntentDraft
from contracts.market import COLUMNS_OF_KIND, Clock, TickBatch
from streams.bus import Bus

OPEN_NS = 1_378_222_800_000_000_000
"""2013-09-03 10:20 in Chicago, inside the session of ES."""

TICK_S = 0.02
STRATEGY, SYMBOL, VENUE, SOURCE = "trend", "ES", "CME", "bench"
ONE_LOT = 82_500.0
"""A target of one lot at 1,640.00, in USD."""


class Traffic:
    """Event time that runs with the wall from ``OPEN_NS``, and what happens in it."""

    def __init__(self) -> None:
        self._started_s = time.perf_counter()

    @property
    def now_ns(self) -> int:
        """Event time."""
        return OPEN_NS + int((time.perf_counter() - self._started_s) * 1e9)

    async def market(self, feed: Bus) -> None:
        """A trade and a clock every ``TICK_S``, for ever."""
        window = feed.window("MARKET", size=2)
        seq = 0
        while True:
            seq += 1
            now_ns = self.now_ns
            clock = Clock(source=SOURCE, ts_event_ns=now_ns, ts_recv_ns=time.time_ns())
            await window.publish(subjects.trade(VENUE, SYMBOL), codec.encode(_one_trade(seq, now_ns)))
            await window.publish(subjects.CLOCK, codec.encode(clock))
            await asyncio.sleep(TICK_S)

    async def propose(self, predict: Bus, index: int) -> Intent:
        """Propose and wait until it is stored; even ones want a lot, odd ones want to be flat."""
        intent = self._intent(index)
        await predict.publish_acked(
            subjects.intent_proposed(STRATEGY, SYMBOL),
            codec.encode(intent),
            msg_id=intent.intent_id,
            stream="INTENTS_PREDICT",
        )
        return intent

    def intent_id(self, index: int) -> str:
        """The identity of the intent that ``propose`` makes for this index."""
        return intent_id(STRATEGY, SOURCE, index, _draft(index))

    def _intent(self, index: int) -> Intent:
        draft, now_ns = _draft(index), self.now_ns
        return Intent(
            symbol=draft.symbol,
            side=draft.side,
            target_notional=draft.target_notional,
            urgency=draft.urgency,
            max_slippage_bps=draft.max_slippage_bps,
            intent_id=self.intent_id(index),
            strategy_id=STRATEGY,
            ts_event_ns=now_ns,
            basis_source=SOURCE,
            basis_seq=index,
            basis_ts_ns=now_ns,
        )


def _draft(index: int) -> IntentDraft:
    is_flat = bool(index % 2)
    return IntentDraft(
        symbol=SYMBOL,
        side="flat" if is_flat else "long",
        target_notional=0.0 if is_flat else ONE_LOT,
        urgency="low",
        max_slippage_bps=5,
    )


def _one_trade(seq: int, ts_event_ns: int) -> TickBatch:
    row = {"ts_event_ns": ts_event_ns, "price": 1640.0, "size": 1.0, "aggressor": 0}
    return TickBatch(
        source=SOURCE,
        venue=VENUE,
        symbol=SYMBOL,
        kind="trade",
        first_seq=seq,
        count=1,
        ts_recv_ns=time.time_ns(),
        columns=pack(COLUMNS_OF_KIND["trade"], {name: np.array([value]) for name, value in row.items()}),
    )
