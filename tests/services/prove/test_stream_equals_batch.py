"""The proof of streams: it holds for what we ship, and finds each bug that is planted."""

import numpy as np
import pytest

from services.prove import stream_equals_batch
from services.prove.references import REFERENCES
from streams.bars import BarProcessor
from streams.features import FeatureProcessor, features_of


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setitem(stream_equals_batch.ROWS, "S", 1_500)
    monkeypatch.setitem(stream_equals_batch.ROUNDS, "S", 2)


def proved(seed=1):
    lines = []
    return stream_equals_batch.prove("S", seed, lines.append), lines


SHIPPED = {"log_return", "ewma_volatility", "rsi", "vwap", "zscore", "trade_imbalance"}
"""A feature that somebody adds beside them may do without a reference; the figure then says so."""


def test_every_shipped_feature_has_a_reference():
    assert {feature.name for feature in features_of("core")} >= SHIPPED
    assert set(REFERENCES) >= SHIPPED


@pytest.mark.parametrize("seed", [1, 2])
def test_holds_and_says_what_it_tried(seed):
    result, lines = proved(seed)
    assert result.passed
    assert len(lines) == 1 + len(list(stream_equals_batch.markets("S", seed)))
    assert result.detail["trades"] == 6_000
    assert min(result.detail[name] for name in ("bars", "duplicates", "late", "poisonings", "chunkings")) > 0
    assert not SHIPPED & set(result.detail["without_reference"].split(", "))


def test_the_same_seed_tries_the_same():
    assert proved() == proved()


def test_finds_a_wrong_value(monkeypatch):
    right = REFERENCES["vwap"]
    monkeypatch.setitem(REFERENCES, "vwap", lambda trades: right(trades) * (1.0 + 1e-8))
    result, _ = proved()
    assert not result.passed
    assert "vwap at trade" in result.figure


def test_finds_a_state_that_is_lost_between_batches(monkeypatch):
    process = FeatureProcessor.process

    def forgetful(self, batch):
        if batch.count == 1:
            self._states.clear()
        return process(self, batch)

    monkeypatch.setattr(FeatureProcessor, "process", forgetful)
    result, _ = proved()
    assert not result.passed
    assert "a chunking changed a row" in result.figure


def test_finds_a_bar_that_is_lost(monkeypatch):
    process = BarProcessor.process
    monkeypatch.setattr(BarProcessor, "process", lambda self, batch: process(self, batch)[:40])
    result, _ = proved()
    assert "bar" in result.figure
    assert not result.passed


def test_finds_a_look_ahead(monkeypatch):
    """A processor that holds the last row of a batch to the batch's highest price sees the future."""
    process = FeatureProcessor.process

    def ahead(self, batch):
        prices = np.frombuffer(batch.columns, dtype="<f8", offset=8 * batch.count, count=batch.count)
        columns = bytearray(batch.columns)
        columns[8 * batch.count : 8 * batch.count + 8] = prices.max().tobytes()
        return process(self, stream_equals_batch.TickBatch(**dict_of(batch) | {"columns": bytes(columns)}))

    monkeypatch.setattr(FeatureProcessor, "process", ahead)
    result, _ = proved()
    assert not result.passed


def dict_of(batch):
    return {name: getattr(batch, name) for name in batch.__struct_fields__}
