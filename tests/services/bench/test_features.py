"""The bench of features: what it compares is equal, and the ratio that we promise holds."""

import pytest

from services.bench import features
from services.bench.features import CASES, assert_equal_output, ticks


def test_names_the_promised_cases():
    assert list(CASES) == ["kernel-64", "1-symbol"]


def test_the_plain_loop_must_give_the_same_rows(monkeypatch):
    columns = ticks(2_000)
    monkeypatch.setattr(features, "PLAIN_TICKS", 2_000)
    assert_equal_output(columns)
    monkeypatch.setattr(features.PlainVwap, "update", lambda *_: 1_640.0)
    with pytest.raises(AssertionError, match="vwap"):
        assert_equal_output(columns)


def test_the_kernels_are_fifty_times_the_plain_loop():
    result = CASES["kernel-64"](3)
    assert result.unit == "ns/tick"
    assert result.ratio == pytest.approx(result.reference_value / result.value)
    assert result.ratio >= 50.0


def test_the_flow_is_measured_beside_a_raw_hop(monkeypatch):
    monkeypatch.setattr(features, "FLOW_TICKS", 64 * 200)
    result = CASES["1-symbol"](1)
    assert result.detail["ticks"] == 12_800
    assert 0.0 < result.value < result.reference_value
