import pytest

from contracts.intents import IntentDraft


@pytest.fixture
def draft():
    return IntentDraft(
        symbol="ES",
        side="long",
        target_notional=250_000.0,
        urgency="low",
        max_slippage_bps=5,
        explain="the trend is up",
    )
