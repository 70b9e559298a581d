"""The deterministic gate: every intent gets one verdict, decided on integers from journaled records.

``README.md`` beside this file says what it decides, check by check.
"""

from risk.errors import ConfigInvalid, InvariantViolated, RiskError
from risk.gate.decision import Decision
from risk.gate.gate import Gate
from risk.gate.intake import intent_address, shown_intent_id

__all__ = [
    "ConfigInvalid",
    "Decision",
    "Gate",
    "InvariantViolated",
    "RiskError",
    "intent_address",
    "shown_intent_id",
]
