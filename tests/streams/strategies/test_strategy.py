"""What holds for every strategy. See streams/strategies/strategy.py."""

import itertools
from collections.abc import Iterator
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import codec
from contracts.columns import ColumnsInvalid, feature_columns, feature_layout, pack
from contracts.features import FeatureBatch
from contracts.identity import intent_id
from contracts.intents import Intent, IntentDraft
from contracts.limits import StrategyCard
from contracts.scalars import SECOND_NS
from streams.strategies import STRATEGIES, Row, RuleStrategy, Wish, build

IDS = sorted(STRATEGIES)
NAMES = ("ewma_volatility", "rsi", "trade_imbalance", "vwap", "zscore")
ALL_VALID = (1 << len(NAMES)) - 1


def card(strategy_id: str, **changes: object) -> StrategyCard:
    known = {"owner": "desk", "instruments": ("ES",), "target_notional_max": 1e6}
    return StrategyCard(strategy_id=strategy_id, **(known | changes))  # type: ignore[arg-type]


def batch(columns: dict[str, np.ndarray], *, symbol: str = "ES", source: str = "test") -> FeatureBatch:
    return FeatureBatch(
        set="core",
        source=source,
        venue="CME",
        symbol=symbol,
        names=NAMES,
        count=len(columns["seq"]),
        ts_recv_ns=5,
        columns=pack(feature_layout(NAMES), columns),
    )


def rows(count: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Features of a restless market: every rule finds something in them."""
    random = np.random.Generator(np.random.PCG64(seed))
    return {
        "seq": np.arange(1, count + 1),
        "ts_event_ns": SECOND_NS + np.cumsum(random.integers(0, SECOND_NS // 4, count)),
        "price": np.full(count, 1640.0),
        "valid": np.full(count, ALL_VALID, dtype=np.uint64),
        "ewma_volatility": np.full(count, 1e-4),
        "rsi": np.repeat(random.uniform(20, 80, count // 8 + 1), 8)[:count],
        "trade_imbalance": np.repeat(random.uniform(-1, 1, count // 8 + 1), 8)[:count],
        "vwap": 1640.0 * (1 + np.repeat(random.normal(0, 2e-3, count // 8 + 1), 8)[:count]),
        "zscore": np.repeat(random.normal(0, 3, count // 8 + 1), 8)[:count],
    }


def cut(columns: dict[str, np.ndarray], start: int, end: int) -> dict[str, np.ndarray]:
    return {name: column[start:end] for name, column in columns.items()}


def run(strategy_id: str, columns: dict[str, np.ndarray], cuts: list[int] | None = None) -> list[Intent]:
    strategy = build([card(strategy_id)])[0]
    edges = [0, *sorted({at for at in cuts or [] if 0 < at < len(columns["seq"])}), len(columns["seq"])]
    pieces: Iterator[dict[str, np.ndarray]] = (
        cut(columns, start, end) for start, end in itertools.pairwise(edges)
    )
    return [intent for piece in pieces for intent in strategy.on_rows(batch(piece))]


@cache
def whole(strategy_id: str) -> list[Intent]:
    return run(strategy_id, rows(400))


def test_every_module_with_a_rule_is_found():
    assert set(IDS) >= {"trend", "mean_revert"}


@pytest.mark.parametrize("strategy_id", IDS)
def test_intents_are_valid_and_stamped_from_their_row(strategy_id: str):
    columns = rows(400)
    made = whole(strategy_id)
    assert len(made) >= 5
    for intent in made:
        assert codec.decode(Intent, codec.encode(intent)) == intent
        at = intent.basis_seq - 1
        assert intent.basis_ts_ns == intent.ts_event_ns == columns["ts_event_ns"][at]
        assert (intent.basis_source, intent.ts_recv_ns, intent.strategy_id) == ("test", 5, strategy_id)
        assert (intent.side == "flat") == (intent.target_notional == 0.0)
        assert 0 < len(intent.explain) <= 250
        names = IntentDraft.__struct_fields__
        draft = IntentDraft(**{name: getattr(intent, name) for name in names})
        assert intent.intent_id == intent_id(strategy_id, "test", intent.basis_seq, draft)


@pytest.mark.parametrize("strategy_id", IDS)
def test_decides_once_a_second_at_the_most_and_never_repeats_a_wish(strategy_id: str):
    made = whole(strategy_id)
    seconds = [intent.ts_event_ns // SECOND_NS for intent in made]
    assert len(set(seconds)) == len(seconds)
    for before, after in itertools.pairwise(made):
        assert (before.side, before.target_notional) != (after.side, after.target_notional)


@pytest.mark.parametrize("strategy_id", IDS)
@given(cuts=st.lists(st.integers(1, 399), max_size=12))
@settings(max_examples=25)
def test_how_rows_are_cut_into_batches_has_no_say(strategy_id: str, cuts: list[int]):
    assert run(strategy_id, rows(400), cuts) == whole(strategy_id)


@pytest.mark.parametrize("strategy_id", IDS)
@given(at=st.integers(1, 399))
@settings(max_examples=25)
def test_what_comes_later_does_not_change_what_was_said(strategy_id: str, at: int):
    poisoned = rows(400)
    for name in NAMES:
        poisoned[name] = poisoned[name].copy()
        poisoned[name][at:] = 1e300
    kept = [intent for intent in whole(strategy_id) if intent.basis_seq <= at]
    assert [intent for intent in run(strategy_id, poisoned) if intent.basis_seq <= at] == kept


@pytest.mark.parametrize("strategy_id", IDS)
def test_rows_that_were_seen_before_change_nothing(strategy_id: str):
    columns = rows(400)
    strategy = build([card(strategy_id)])[0]
    made = []
    for start in range(0, 400, 40):
        made += strategy.on_rows(batch(cut(columns, max(0, start - 60), start + 40)))
        assert strategy.on_rows(batch(cut(columns, start, start + 40))) == []
    assert made == whole(strategy_id)


@pytest.mark.parametrize("strategy_id", IDS)
def test_a_feature_that_warms_up_is_not_used(strategy_id: str):
    for name in STRATEGIES[strategy_id]().features:
        columns = rows(400)
        columns["valid"] = np.full(400, ALL_VALID & ~(1 << NAMES.index(name)), dtype=np.uint64)
        assert run(strategy_id, columns) == []


@pytest.mark.parametrize("strategy_id", IDS)
def test_symbols_and_sources_do_not_know_each_other(strategy_id: str):
    columns = rows(400)
    strategy = build([card(strategy_id, instruments=("ES", "KO"))])[0]
    seen: dict[tuple[str, str], list[Intent]] = {}
    for start in range(0, 400, 50):
        for key in (("test", "ES"), ("other", "ES"), ("test", "KO")):
            source, symbol = key
            made = strategy.on_rows(batch(cut(columns, start, start + 50), symbol=symbol, source=source))
            seen.setdefault(key, []).extend(made)
    assert seen["test", "ES"] == whole(strategy_id)
    for key in (("other", "ES"), ("test", "KO")):
        assert [(i.side, i.basis_seq) for i in seen[key]] == [
            (i.side, i.basis_seq) for i in whole(strategy_id)
        ]


def test_a_symbol_that_the_card_does_not_name_is_left_alone():
    strategy = build([card("trend", instruments=("KO",))])[0]
    assert strategy.on_rows(batch(rows(400))) == []


def test_the_card_bounds_the_target():
    strategy = build([card("trend", target_notional_max=200_000.0)])[0]
    targets = {intent.target_notional for intent in strategy.on_rows(batch(rows(400)))}
    assert max(targets) == 200_000.0


def test_cards_of_others_are_left_alone():
    assert [strategy.card.strategy_id for strategy in build([card("drill"), card("trend")])] == ["trend"]


def test_a_batch_that_does_not_hold_its_rows_is_refused_and_changes_nothing():
    strategy = build([card("trend")])[0]
    good = batch(rows(400))
    with pytest.raises(ColumnsInvalid):
        strategy.on_rows(msgspec.structs.replace(good, count=399))
    assert strategy.on_rows(good) == whole("trend")


class Stubborn:
    """A rule that always wishes the same, in other words each time."""

    strategy_id = "stubborn"
    features = ("rsi",)
    notional_unit = 100.0
    max_slippage_bps = 1

    def wish(self, row: Row, held: Wish) -> Wish:  # noqa: ARG002 - the protocol's signature
        return Wish("long", 1, reason=f"row at {row.ts_event_ns}")


def test_other_words_do_not_make_another_wish():
    made = RuleStrategy(Stubborn(), card("stubborn")).on_rows(batch(rows(400)))
    assert len(made) == 1
    assert made[0].basis_seq == int(feature_columns(batch(rows(400)))["seq"][0])
