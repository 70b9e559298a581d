"""The replay bench measures the chain that was recorded, beside a scan of the same rows."""

from services.bench import replay


def test_reports_the_chain_beside_the_scan(monkeypatch):
    monkeypatch.setattr(replay, "STEPS", 60)
    monkeypatch.setattr(replay, "TRADES_A_STEP", 8)

    result = replay.CASES["chain"](1)

    assert (result.bench, result.case, result.unit) == ("replay", "chain", "ticks/s")
    assert result.ratio == result.value / result.reference_value
    assert result.detail["ticks"] > 500
    assert result.detail["gate_records"] > 1
