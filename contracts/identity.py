"""Identities derived from content and position, never from a clock or a random number."""

from hashlib import blake2b

import msgspec

from contracts.intents import IntentDraft

_encoder = msgspec.msgpack.Encoder()


def digest(data: bytes) -> str:
    """BLAKE2b-128 of ``data``, 32 hexadecimal digits."""
    return blake2b(data, digest_size=16).hexdigest()


def intent_id(strategy_id: str, basis_source: str, basis_seq: int, draft: IntentDraft) -> str:
    """The id of the intent that ``strategy_id`` forms from one row: same cause, same id.

    ``explain`` is left out: wording does not make another intent.
    """
    cause = (
        strategy_id,
        basis_source,
        basis_seq,
        draft.symbol,
        draft.side,
        draft.target_notional,
        draft.urgency,
        draft.max_slippage_bps,
    )
    return digest(_encoder.encode(cause))
