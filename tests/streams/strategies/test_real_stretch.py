"""What the rules make of real trades: the stretch that the demo plays."""

from collections import Counter

import pytest

from contracts.columns import pack
from contracts.limits import StrategyCard
from contracts.market import TRADE_COLUMNS, TickBatch
from contracts.scalars import MILLISECOND_NS
from streams.features import FeatureProcessor
from streams.sources import packaged_es
from streams.sources.batching import batched
from streams.sources.local_time import instant_ns
from streams.sources.packaged import ES_BUSIEST, ES_TIME_ZONE
from streams.strategies import build

LOT_MAX = 83_000.0
"""An E-mini contract in those days cost no more than that."""


@pytest.mark.parametrize("strategy_id", ["trend", "mean_revert"])
def test_proposes_some_dozens_of_times_in_both_directions_in_the_busiest_twenty_minutes(strategy_id: str):
    start_ns, end_ns = (instant_ns(text, ES_TIME_ZONE) for text in ES_BUSIEST)
    card = StrategyCard(
        strategy_id=strategy_id, owner="desk", instruments=("ES",), target_notional_max=500_000.0
    )
    processor, strategy = FeatureProcessor(), build([card])[0]
    sides: Counter[str] = Counter()
    for batch in batched(packaged_es(start_ns, end_ns).batches(), linger_ns=100 * MILLISECOND_NS):
        features = processor.process(
            TickBatch(
                source="es",
                venue=batch.venue,
                symbol=batch.symbol,
                kind="trade",
                first_seq=batch.first_seq,
                count=batch.count,
                ts_recv_ns=0,
                columns=pack(TRADE_COLUMNS, batch.columns),
            )
        )
        assert features is not None
        for intent in strategy.on_rows(features):
            sides[intent.side] += 1
            assert intent.side == "flat" or LOT_MAX < intent.target_notional <= 500_000.0
    assert 30 <= sides.total() <= 400
    assert min(sides["long"], sides["short"], sides["flat"]) >= 10
