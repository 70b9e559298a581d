"""Small messages for the tests of the journal."""

import numpy as np

from contracts import market
from contracts.columns import feature_layout, pack
from contracts.features import FeatureBatch
from contracts.intents import Intent
from contracts.market import TickBatch
from contracts.verdicts import Check, DenyCode, Outcome, Verdict

DAY_NS = 86_400 * 1_000_000_000
NOON_NS = 15_949 * DAY_NS + DAY_NS // 2  # 2013-09-01


def tick_batch(first_seq, count, ts_ns=NOON_NS, symbol="ES", kind="trade"):
    columns = {
        name: (np.arange(first_seq, first_seq + count) + 1).astype(code)
        for name, code in market.COLUMNS_OF_KIND[kind]
    }
    columns["ts_event_ns"] = np.arange(first_seq, first_seq + count) + ts_ns
    if kind == "trade":
        columns["aggressor"] = np.zeros(count, "i1")
    return TickBatch(
        source="es",
        venue="CME",
        symbol=symbol,
        kind=kind,
        first_seq=first_seq,
        count=count,
        ts_recv_ns=7,
        columns=pack(market.COLUMNS_OF_KIND[kind], columns),
    )


def feature_batch(first_seq, count, names=("alpha", "beta"), valid=0b01):
    layout = feature_layout(names)
    columns = {name: np.arange(first_seq, first_seq + count).astype(code) for name, code in layout}
    columns["valid"] = np.full(count, valid, "<u8")
    for bit, name in enumerate(names):
        if not valid >> bit & 1:
            columns[name] = np.zeros(count)
    return FeatureBatch(
        set="core",
        source="es",
        venue="CME",
        symbol="ES",
        names=names,
        count=count,
        ts_recv_ns=7,
        columns=pack(layout, columns),
    )


def intent(number):
    return Intent(
        symbol="ES",
        side="long",
        target_notional=1000.5 + number,
        urgency="low",
        max_slippage_bps=3,
        intent_id=f"{number:032x}",
        strategy_id="trend",
        ts_event_ns=NOON_NS,
        basis_source="es",
        basis_seq=number,
        basis_ts_ns=NOON_NS,
    )


def verdict(number, code=DenyCode.MARK_STALE):
    return Verdict(
        intent_id=f"{number:032x}",
        principal="predict",
        strategy_id="trend",
        symbol="ES",
        outcome=Outcome.DENIED if code else Outcome.APPROVED,
        code=code,
        checks=(Check(DenyCode.INPUT_INVALID, 0, 0, "flag", ""), Check(DenyCode.MARK_STALE, 9, 5, "ns", "x")),
        lots=-3,
        target_lots=0,
        mark_price_micro=1,
        mark_source="es",
        mark_seq=number,
        gate_seq=number,
        gate_ts_ns=NOON_NS,
        expires_ts_ns=0,
        chain="ab" * 32,
        epoch=1,
    )


def add(writer, message, stream, seq):
    return writer.add(message, subject="a.b", stream=stream, stream_seq=seq, ts_store_ns=NOON_NS + seq)
