"""The bus benchmark measures what it says. See services/bench/bus.py."""

import pytest

from contracts import codec, columns
from services.bench import bus
from services.bench.bus import CASES, Work, decode_batch, decode_trade, tick_batches


def test_reports_a_median_beside_its_reference(monkeypatch):
    monkeypatch.setattr(bus, "TICKS", bus.ROWS * 50)
    result = CASES["batch-64"](1)
    assert (result.bench, result.case, result.unit, result.runs) == ("bus", "batch-64", "ticks/s", 1)
    assert result.ratio == pytest.approx(result.value / result.reference_value)
    assert result.ratio > 1
    assert result.detail["ticks"] == 50 * bus.ROWS
    assert result.detail["cpu_us_per_tick"] < result.detail["reference_cpu_us_per_tick"]


async def test_refuses_to_time_two_ways_that_deliver_different_ticks(monkeypatch):
    monkeypatch.setattr(bus, "TICKS", bus.ROWS * 2)

    async def moved(feed, features, work):
        return [codec.encode(source) for source in work.sources]

    monkeypatch.setattr(bus, "_moved", moved)
    batches = tick_batches()
    trades = [trade for batch in batches for trade in columns.ticks(batch)]
    await bus._assert_equal_output(None, None, Work(batches, decode_batch), Work(trades, decode_trade))
    trades.reverse()
    with pytest.raises(AssertionError, match="did not deliver the same ticks"):
        await bus._assert_equal_output(None, None, Work(batches, decode_batch), Work(trades, decode_trade))


def test_each_decoder_counts_the_ticks_of_its_message():
    batch = tick_batches()[0]
    assert decode_batch(codec.encode(batch)) == bus.ROWS
    assert decode_trade(codec.encode(columns.ticks(batch)[0])) == 1
