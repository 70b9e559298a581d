"""The seeded generator. See streams/sources/synthetic.py."""

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from contracts.scalars import SECOND_NS
from streams.sources import Synthetic, SyntheticOptions
from streams.sources.synthetic import STRETCH


def column(name: str, *, stretches: int = 4, **changes: object) -> NDArray[np.generic]:
    given: dict[str, object] = {"seed": 7, "start_ns": 1_000 * SECOND_NS} | changes
    source = Synthetic(SyntheticOptions(**given))  # type: ignore[arg-type]  # tests name the fields
    return np.concatenate([stretch.columns[name] for stretch in islice(source.batches(), stretches)])


def test_the_same_seed_gives_the_same_trades_and_another_seed_others():
    for name in ("ts_event_ns", "price", "size", "aggressor"):
        assert (column(name) == column(name)).all()
        assert (column(name) != column(name, seed=8)).any()


def test_trades_come_in_order_at_the_mean_rate():
    times = column("ts_event_ns", rate_per_s=50.0).astype(np.int64)
    assert (np.diff(times) > 0).all()
    assert times[0] > 1_000 * SECOND_NS
    rate = len(times) / ((times[-1] - 1_000 * SECOND_NS) / SECOND_NS)
    assert 48.0 < rate < 52.0


def test_the_price_walks_one_tick_at_a_time_and_stays_above_zero():
    prices = column("price", price_first=0.02).astype(np.float64)
    ticks = np.round(prices * 100)
    assert (np.round(prices, 2) == prices).all()
    assert np.abs(np.diff(ticks)).max() == 1
    assert prices.min() == 0.01


def test_a_shorter_end_cuts_the_same_path():
    whole = column("ts_event_ns").astype(np.int64)
    end_ns = int(whole[STRETCH + 10])
    cut = column("ts_event_ns", to_ns=end_ns)
    assert (cut == whole[: STRETCH + 10]).all()


def test_is_named_as_nobodys_market():
    stretch = next(Synthetic(SyntheticOptions(seed=1, start_ns=0)).batches())
    assert (stretch.venue, stretch.symbol) == ("SIM", "SYNTH")
    assert Synthetic(SyntheticOptions(seed=1, start_ns=0)).is_endless
    assert not Synthetic(SyntheticOptions(seed=1, start_ns=0, to_ns=1)).is_endless
