"""A verdict as a gate that approves would write it, for tests that only carry it around."""

from contracts.verdicts import Outcome, Verdict


def approval(intent_id: str = "a" * 32, lots: int = 1) -> Verdict:
    return Verdict(
        intent_id=intent_id,
        principal="predict",
        strategy_id="trend",
        symbol="ES",
        outcome=Outcome.APPROVED,
        code=None,
        checks=(),
        lots=lots,
        target_lots=lots,
        mark_price_micro=1,
        mark_source="es",
        mark_seq=1,
        gate_seq=1,
        gate_ts_ns=1,
        expires_ts_ns=1,
        chain="",
        epoch=1,
    )
