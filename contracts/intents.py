"""Trade intents: what a strategy or the SLM would like to happen. Never an order."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.market import Source
from contracts.scalars import (
    Bps,
    Count,
    Digest,
    Nanos,
    Notional,
    OptionalDigest,
    ShortText,
    StrategyId,
    Symbol,
    VolatileNanos,
)

Side = Literal["long", "short", "flat"]
Urgency = Literal["low", "medium", "high"]


class IntentDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A move of one symbol towards a target exposure, as its author may write it."""

    symbol: Symbol
    side: Side
    target_notional: Notional
    urgency: Urgency
    max_slippage_bps: Bps
    explain: ShortText = ""


class Intent(
    IntentDraft,
    frozen=True,
    kw_only=True,
    tag_field="schema",
    tag="intent.v1",
    forbid_unknown_fields=False,
):
    """An ``IntentDraft`` that code has stamped with identity, time and provenance.

    Published on ``intent.proposed.<strategy_id>.<symbol>``; the risk gate answers every one
    of them with exactly one ``Verdict``. ``target_notional`` is an absolute exposure in the
    account currency, so ``flat`` goes with 0.

    Attributes:
        intent_id: Digest of its cause and content (``contracts.identity.intent_id``), so the
            same cause gives the same id from proposal to order.
        strategy_id: Filled in by code; must equal the subject's token.
        ts_event_ns: Event time at which it was proposed.
        basis_source, basis_seq, basis_ts_ns: The newest row it rests on: its source, its
            sequence there, and its event time.
        ts_recv_ns: Wall time at which the feed flushed that row. Volatile.
        prompt_hash, req_id: Set where a model wrote the draft.

    Raises (when decoded):
        msgspec.ValidationError: a field breaks its bound; carries the JSON path.
    """

    intent_id: Digest
    strategy_id: StrategyId
    ts_event_ns: Nanos
    basis_source: Source
    basis_seq: Count
    basis_ts_ns: Nanos
    ts_recv_ns: VolatileNanos = 0
    prompt_hash: OptionalDigest = ""
    req_id: Annotated[str, Meta(max_length=64)] = ""
