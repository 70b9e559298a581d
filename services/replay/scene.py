"""A scene for a rehearsal: seeded trades of ES and SYNTH, quotes, drills and an operator.

Nobody's market, and small: it is there so that every table of a journal has rows.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts import subjects
from contracts.codec import encode
from contracts.columns import pack
from contracts.control import OperatorCommand
from contracts.identity import intent_id
from contracts.intents import Intent, IntentDraft
from contracts.market import QUOTE_COLUMNS, TRADE_COLUMNS, Clock, TickBatch
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from services.replay.rehearsal import Rehearsal

START_NS = 1_378_216_800 * SECOND_NS
"""2013-09-03 14:00 UTC, a Tuesday: both sessions are open."""


class _Line(NamedTuple):
    venue: str
    symbol: str
    tick: float


LINES = (_Line("CME", "ES", 0.25), _Line("SIM", "SYNTH", 0.01))

STEP_NS = 100 * MILLISECOND_NS
SOURCE = "scene"
DRILL = "drill"


def market(seed: int, steps: int, trades_a_step: int = 8) -> Iterator[TickBatch | Clock]:
    """Per step of 100 ms: trades of both symbols, a quote of SYNTH, a clock."""
    random = np.random.Generator(np.random.PCG64(seed))
    prices = {"ES": 6_560, "SYNTH": 10_000}
    seqs = {"ES": 1, "SYNTH": 1, "quote": 1}
    drift = 0
    for step in range(steps):
        start_ns = START_NS + step * STEP_NS
        if step % 40 == 0:
            drift = int(random.integers(-1, 2))
        for line in LINES:
            symbol, tick = line.symbol, line.tick
            count = int(random.integers(1, 2 * trades_a_step))
            walk = random.integers(-1, 2, count) + (random.random(count) < 0.2) * drift
            ticks = prices[symbol] + np.cumsum(walk)
            prices[symbol] = int(ticks[-1])
            yield _trades(line, seqs[symbol], _times(random, start_ns, count), ticks * tick, walk)
            seqs[symbol] += count
        yield _quote(seqs["quote"], start_ns + STEP_NS - 1, prices["SYNTH"] * 0.01)
        seqs["quote"] += 1
        yield Clock(
            source=SOURCE, ts_event_ns=start_ns + STEP_NS, ts_recv_ns=step, is_final=step == steps - 1
        )


def play(rehearsal: Rehearsal, seed: int, steps: int, trades_a_step: int = 8) -> int:
    """Rehearse the scene: market, drills every 5 s, a reduction half way. The number of ticks."""
    ticks = 0
    step = 0
    for message in market(seed, steps, trades_a_step):
        rehearsal.take(message)
        if isinstance(message, TickBatch):
            ticks += message.count
            continue
        step += 1
        if step % 50 == 0:
            for subject, body in drills(step, message.ts_event_ns):
                rehearsal.propose(subject, body, DRILL)
        if step == steps // 2:
            rehearsal.command(_reduce(step, message.ts_event_ns))
    return ticks


def drills(step: int, ts_ns: int) -> list[tuple[str, bytes]]:
    """A restricted symbol, a stale basis, and bytes that are no intent."""
    return [
        _drill("SYNTH", step, ts_ns, ts_ns),
        _drill("ES", step, ts_ns, ts_ns - 60 * SECOND_NS),
        (subjects.intent_proposed(DRILL, "ES"), b"\x81\xa4junk" + bytes([step % 128])),
    ]


def _drill(symbol: str, seq: int, ts_ns: int, basis_ts_ns: int) -> tuple[str, bytes]:
    draft = IntentDraft(
        symbol=symbol,
        side="long",
        target_notional=90_000.0,
        urgency="low",
        max_slippage_bps=5,
        explain="drill",
    )
    intent = Intent(
        symbol=symbol,
        side="long",
        target_notional=90_000.0,
        urgency="low",
        max_slippage_bps=5,
        explain="drill",
        intent_id=intent_id(DRILL, SOURCE, seq, draft),
        strategy_id=DRILL,
        ts_event_ns=ts_ns,
        basis_source=SOURCE,
        basis_seq=seq,
        basis_ts_ns=basis_ts_ns,
    )
    return subjects.intent_proposed(DRILL, symbol), encode(intent)


def _reduce(step: int, ts_ns: int) -> OperatorCommand:
    return OperatorCommand(
        command="reduce",
        operator="operator1",
        nonce=f"{step:016x}",
        reason="half way",
        expires_ts_ns=ts_ns + 60 * SECOND_NS,
        expected_gate_seq=1,
    )


def _times(random: np.random.Generator, start_ns: int, count: int) -> NDArray[np.int64]:
    return start_ns + np.sort(random.integers(0, STEP_NS // MILLISECOND_NS, count)) * MILLISECOND_NS


def _trades(
    line: _Line,
    first_seq: int,
    times: NDArray[np.int64],
    prices: NDArray[np.float64],
    walk: NDArray[np.int64],
) -> TickBatch:
    columns = {
        "ts_event_ns": times,
        "price": np.round(prices, 2),
        "size": np.abs(walk) + 1.0,
        "aggressor": np.sign(walk),
    }
    return TickBatch(
        source=SOURCE,
        venue=line.venue,
        symbol=line.symbol,
        kind="trade",
        first_seq=first_seq,
        count=len(times),
        ts_recv_ns=int(times[-1]),
        columns=pack(TRADE_COLUMNS, columns),
    )


def _quote(seq: int, ts_ns: int, price: float) -> TickBatch:
    values = {
        "ts_event_ns": ts_ns,
        "bid_price": price - 0.01,
        "bid_size": 5.0,
        "ask_price": price + 0.01,
        "ask_size": 5.0,
    }
    return TickBatch(
        source=f"{SOURCE}-quotes",
        venue="SIM",
        symbol="SYNTH",
        kind="quote",
        first_seq=seq,
        count=1,
        ts_recv_ns=ts_ns,
        columns=pack(QUOTE_COLUMNS, {name: np.array([value]) for name, value in values.items()}),
    )
