"""The small language model: what it is asked, what it may answer, and how its answer was decoded."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.features import FeatureRow
from contracts.intents import IntentDraft, Side
from contracts.market import Source
from contracts.scalars import (
    Bps,
    Count,
    Digest,
    Int64,
    Nanos,
    Notional,
    OptionalDigest,
    ShortText,
    StrategyId,
    Symbol,
    VolatileCount,
)

Route = Literal["critical", "fast", "tiny"]
"""Which model, with which budgets, answers."""

Task = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]
"""What is asked for; each task has its prompt."""

ReqId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)")]
"""The asker's name for the request: one subject token as it stands."""

VersionedName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}\.v[1-9][0-9]{0,3}$(?!\n)")]
"""A schema or a prompt with its version: ``intent_answer.v1``."""

Label = Annotated[str, Meta(max_length=128)]

EXPLAIN_MAX = 120
Explain = Annotated[str, Meta(max_length=EXPLAIN_MAX, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$(?!\n)")]
"""The model's own words: one short line without control characters. Nothing reads it but people."""

INTENT_ANSWER = "intent_answer.v1"
"""``schema_id`` of ``Answer``, narrowed by a request's headroom."""

RUNGS_MAX, LADDERS_MAX = 8, 128


class Rung(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One size that may be asked for: the amount to write, and the lots the gate makes of it.

    ``lots`` has no sign; the ladder's side gives it. Flat is a single rung of 0 and 0.
    """

    target_notional: Notional
    lots: Count


class Ladder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sizes that the gate would approve now in one symbol, on one side and by one kind of order.

    Attributes:
        action: What moving to any of the rungs means for the symbol. A long position has two long
            ladders: larger ones by buying, smaller ones by selling.
        slippage_bps_min, slippage_bps_max: What an intent may allow, both ends included. Above 0
            at the lower end where the mark itself lies outside the price collar.
        rungs: In rising order. All that there are or, of more than ``RUNGS_MAX``, an even choice
            with the smallest and the largest.
    """

    symbol: Symbol
    side: Side
    action: Literal["buy", "sell"]
    slippage_bps_min: Bps
    slippage_bps_max: Bps
    rungs: Annotated[tuple[Rung, ...], Meta(min_length=1, max_length=RUNGS_MAX)]


class Headroom(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="headroom.v1", forbid_unknown_fields=True
):
    """What one strategy could have approved at one instant, by value. Without ladders, nothing.

    Made by ``risk.room`` with the gate's own arithmetic. It narrows what a model can say, and
    grants nothing: the gate checks again.

    Attributes:
        ts_event_ns: Gate time it was made for.
        limits_hash: Of the configuration it was made from, as in the gate's snapshots.
        ladders: In the order of symbols; at most two for one symbol and side.
    """

    strategy_id: StrategyId
    ts_event_ns: Nanos
    limits_hash: Digest
    ladders: Annotated[tuple[Ladder, ...], Meta(max_length=LADDERS_MAX)] = ()


class HeldPosition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the strategy holds in one symbol.

    Attributes:
        lots: Filled, signed; positive is long.
        open_lots: Approved and not yet filled, signed.
        mark_price_micro: Where the position is valued, in millionths; 0 where there is no mark.
    """

    symbol: Symbol
    lots: Int64
    open_lots: Int64
    mark_price_micro: Count


class ForeignText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Text that somebody outside wrote. It is shown to the model in a marked slot and nowhere else.

    Attributes:
        slot: What it is; names the slot.
        item_id: The source's identifier, for the record; never shown to the model.
    """

    slot: Literal["news", "note"]
    source: Source
    item_id: Label
    ts_event_ns: Nanos
    text: Annotated[str, Meta(max_length=600)]


class SlmRequest(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="slm_request.v1", forbid_unknown_fields=True
):
    """One question to the model, with every input by value, on ``slm.request.<route>.<task>``.

    Attributes:
        schema_id: The answer's shape: ``INTENT_ANSWER``.
        ts_event_ns: Event time of the question.
        deadline_ts_ns: Event time after which nobody wants the answer.
        tokens_max: The most that may be generated.
        basis_source, basis_seq, basis_ts_ns: The newest row it rests on, for the intent's stamp.
        headroom: Names the strategy too.
        features: At most one row a symbol and set, newest last.
    """

    req_id: ReqId
    route: Route
    task: Task
    schema_id: VersionedName
    ts_event_ns: Nanos
    deadline_ts_ns: Nanos
    tokens_max: Annotated[int, Meta(ge=1, le=4_096)]
    basis_source: Source
    basis_seq: Count
    basis_ts_ns: Nanos
    headroom: Headroom
    features: Annotated[tuple[FeatureRow, ...], Meta(max_length=16)] = ()
    positions: Annotated[tuple[HeldPosition, ...], Meta(max_length=32)] = ()
    foreign: Annotated[tuple[ForeignText, ...], Meta(max_length=8)] = ()


class Proposal(IntentDraft, frozen=True, kw_only=True, tag_field="decision", tag="propose"):
    """A move of one symbol towards a target exposure."""

    explain: Explain = ""


AbstainReason = Literal["no_edge", "conflicting", "insufficient", "no_headroom", "untrusted_text"]


class Abstention(
    Struct, frozen=True, kw_only=True, tag_field="decision", tag="abstain", forbid_unknown_fields=True
):
    """Nothing is proposed, for a reason."""

    reason: AbstainReason
    explain: Explain = ""


Answer = Proposal | Abstention
"""All that a model may write, told apart by ``decision``, its first property."""


class SlmErrorCode(StrEnum):
    """Why a request got no answer of the model. Closed: a new reason is a new member."""

    REQUEST_INVALID = "REQUEST_INVALID"
    SUBJECT_MISMATCH = "SUBJECT_MISMATCH"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    ROUTE_UNKNOWN = "ROUTE_UNKNOWN"
    TASK_UNKNOWN = "TASK_UNKNOWN"
    SCHEMA_UNKNOWN = "SCHEMA_UNKNOWN"
    STRATEGY_UNKNOWN = "STRATEGY_UNKNOWN"
    EXPIRED = "EXPIRED"
    RATE_LIMITED = "RATE_LIMITED"
    COALESCED = "COALESCED"
    QUEUE_FULL = "QUEUE_FULL"
    BUDGET_SPENT = "BUDGET_SPENT"
    BREAKER_OPEN = "BREAKER_OPEN"
    ENGINE_DOWN = "ENGINE_DOWN"
    ENGINE_CRASHED = "ENGINE_CRASHED"
    TIMED_OUT = "TIMED_OUT"
    TRUNCATED = "TRUNCATED"
    ANSWER_INVALID = "ANSWER_INVALID"


class Sampler(Struct, frozen=True, kw_only=True):
    """How tokens were drawn from what the grammar allowed."""

    temperature: Annotated[float, Meta(ge=0.0, le=10.0)]
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)]
    top_p: Annotated[float, Meta(ge=0.0, le=1.0)]
    min_p: Annotated[float, Meta(ge=0.0, le=1.0)]
    repeat_penalty: Annotated[float, Meta(ge=0.0, le=10.0)]
    tokens_max: Count


class ToolResult(Struct, frozen=True, kw_only=True):
    """One tool's answer that the prompt contained.

    Attributes:
        as_of_ts_ns: Event time that it speaks of.
        result_hash: Of its bytes; they lie in the record of the prompt.
    """

    tool: Task
    as_of_ts_ns: Nanos
    result_hash: Digest


class DecodeCertificate(Struct, frozen=True, kw_only=True, tag_field="schema", tag="decode_certificate.v1"):
    """Everything that one completion depended on, and the tokens it came to.

    The same certificate on the same build gives the same tokens, or the replay says why not.

    Attributes:
        prompt_id: The versioned prompt file, such as ``propose.v1``.
        prompt_hash: Of the rendered prompt.
        schema_hash: Of the published schemas of the answer.
        grammar_hash: Of the schema that constrained this completion.
        headroom_hash: Of the headroom that the grammar was made from.
        engine, engine_build: Which engine, and its exact build.
        model, weights_digest: Which weights; empty where a remote engine does not tell.
        seed, threads: Both decide the tokens.
        token_ids: In order, without the prompt's; empty where the engine does not give them.
        finish_reason: ``length`` is a failure, however valid the text.
        json_valid: Whether the text decoded as an answer within the headroom.
        attempt: 1, or 2 for the one retry at temperature 0.
    """

    req_id: ReqId
    schema_id: VersionedName
    prompt_id: VersionedName
    prompt_hash: Digest
    schema_hash: Digest
    grammar_hash: Digest
    headroom_hash: Digest
    engine: Label
    engine_build: Label
    model: Label
    weights_digest: OptionalDigest
    sampler: Sampler
    seed: Count
    threads: Count
    token_ids: Annotated[tuple[Count, ...], Meta(max_length=4_096)]
    finish_reason: Literal["stop", "length", "cancelled", "error"]
    json_valid: bool
    attempt: Annotated[int, Meta(ge=1, le=2)]
    tools: Annotated[tuple[ToolResult, ...], Meta(max_length=16)] = ()


class SlmReply(Struct, frozen=True, kw_only=True, tag_field="schema", tag="slm_reply.v1"):
    """The one answer to one request, on ``slm.reply.<task>.<req_id>``.

    Attributes:
        outcome: ``intent`` where an intent was proposed, ``abstain`` where the model declined,
            ``error`` where it did not answer.
        code: Why there is no answer; None unless ``outcome`` is ``error``.
        detail: What was found and the way out, for a person; empty unless there is an error.
        answer: What the model wrote; None where there is an error.
        intent_id: Of the intent it became; empty unless ``outcome`` is ``intent``.
        certificate: Of the last completion; None where the model was never asked.
        ts_event_ns: Event time of the request.
        latency_ns: From the request's arrival to this reply. Volatile.
    """

    req_id: ReqId
    task: Task
    outcome: Literal["intent", "abstain", "error"]
    ts_event_ns: Nanos
    code: SlmErrorCode | None = None
    detail: ShortText = ""
    answer: Proposal | Abstention | None = None
    intent_id: OptionalDigest = ""
    certificate: DecodeCertificate | None = None
    latency_ns: VolatileCount = 0
