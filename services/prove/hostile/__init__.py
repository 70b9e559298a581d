"""Hostile records: seeded sequences that try to get past the gate, or to make it forget.

The adversary reads the oracle's state, never the gate's, to aim just below, on and just above
every limit. At least a fifth of its intents deserve approval, so that denying all is no defence.
"""

from services.prove.hostile.adversary import Adversary, Again

__all__ = ["Adversary", "Again"]
