"""A request with one of everything, for tests of what a model is shown and may say."""

from contracts.features import FeatureRow
from contracts.scalars import SECOND_NS
from contracts.slm import (
    INTENT_ANSWER,
    ForeignText,
    Headroom,
    HeldPosition,
    Ladder,
    Rung,
    SlmRequest,
)

NOW_NS = 1_000 * SECOND_NS


def make_ladder(**overrides) -> Ladder:
    values = {
        "symbol": "ES",
        "side": "long",
        "action": "buy",
        "slippage_bps_min": 0,
        "slippage_bps_max": 25,
        "rungs": (Rung(100_000.0, 1), Rung(200_000.0, 2)),
    }
    return Ladder(**values | overrides)


def make_headroom(*ladders: Ladder) -> Headroom:
    return Headroom(strategy_id="slm_es", ts_event_ns=NOW_NS, limits_hash="ab" * 32, ladders=ladders)


FLAT = make_ladder(side="flat", action="sell", rungs=(Rung(0.0, 0),))
HEADROOM = make_headroom(make_ladder(), FLAT)


def make_foreign(text: str, **overrides) -> ForeignText:
    values = {"slot": "news", "source": "wire", "item_id": "n1", "ts_event_ns": NOW_NS - 2 * SECOND_NS}
    return ForeignText(text=text, **values | overrides)


def make_request(**overrides) -> SlmRequest:
    row = FeatureRow(
        set="core",
        venue="CME",
        symbol="ES",
        seq=7,
        ts_event_ns=NOW_NS,
        price=1640.25,
        values={"zscore": -1.5, "log_return": 0.000123456789, "vwap": None},
    )
    values = {
        "req_id": "r1",
        "route": "fast",
        "task": "propose",
        "schema_id": INTENT_ANSWER,
        "ts_event_ns": NOW_NS,
        "deadline_ts_ns": NOW_NS + 5 * SECOND_NS,
        "tokens_max": 256,
        "basis_source": "tape",
        "basis_seq": 7,
        "basis_ts_ns": NOW_NS,
        "headroom": HEADROOM,
        "features": (row,),
        "positions": (HeldPosition(symbol="ES", lots=3, open_lots=-1, mark_price_micro=1_640_250_000),),
        "foreign": (make_foreign("Stocks rally on jobs data"),),
    }
    return SlmRequest(**values | overrides)
