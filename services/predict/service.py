"""Predict: rule strategies that propose intents from feature rows.

Consumes    feat.>                  from the run's first row, so that state is what it was
Publishes   intent.proposed.*.*     one an intent, message id = intent_id, acknowledged
            dead.predict            feature batches that cannot be read, intents that were refused
Ready       every row that was there at the start has been taken in
In doubt    proposes nothing: a missing proposal is safe, and counted
"""

import time

from contracts import codec, subjects
from contracts.columns import ColumnsInvalid, feature_columns
from contracts.features import FeatureBatch
from contracts.intents import Intent
from contracts.operations import DeadCause
from contracts.scalars import SECOND_NS
from services.kit.gate_config import load_gate_config
from services.kit.process import Context
from services.predict.proposer import ORIGIN, Proposer
from streams.bus import Message, MessageRefused, letter_about
from streams.bus.specs import FEATURES
from streams.strategies import Strategy, build


def opened(message: Message) -> FeatureBatch:
    """The feature batch in a message. Raises MessageRefused."""
    try:
        batch = codec.decode(FeatureBatch, message.payload)
    except codec.Undecodable as error:
        raise MessageRefused(DeadCause.UNDECODABLE, str(error)) from error
    expected = subjects.features(batch.set, batch.venue, batch.symbol)
    if message.subject != expected:
        found = f"the subject is {message.subject}, expected {expected} for this body"
        raise MessageRefused(DeadCause.SUBJECT_MISMATCH, found)
    try:
        feature_columns(batch)
    except ColumnsInvalid as error:
        raise MessageRefused(DeadCause.UNDECODABLE, str(error)) from error
    return batch


def intents_from(strategies: list[Strategy], batch: FeatureBatch) -> list[Intent]:
    """The intents of all strategies in the order of their rows, then of the strategies."""
    formed = [intent for strategy in strategies for intent in strategy.on_rows(batch)]
    return sorted(formed, key=lambda intent: intent.basis_seq)


async def serve(context: Context) -> None:
    """The service: read, decide, propose, for ever."""
    health, metrics = context.health, context.metrics
    strategies = build(load_gate_config(context.run).cards)
    proposer = Proposer(context.bus, health, context.log, metrics)
    await proposer.recover()
    there_already = (await context.bus.stream_state(FEATURES)).last_seq
    health.is_ready = there_already == 0
    context.log.info("predict.started", strategies=[strategy.card.strategy_id for strategy in strategies])
    async for messages in context.bus.read(FEATURES):
        for message in messages:
            await _handle(context, strategies, proposer, message)
            health.position += 1
            metrics.messages.labels(subject=subjects.template_of(message.subject)).inc()
        if not health.is_ready and messages[-1].stream_seq >= there_already:
            health.is_ready = True
            context.log.info("predict.caught_up", known=proposer.known, published=proposer.published)


async def _handle(context: Context, strategies: list[Strategy], proposer: Proposer, message: Message) -> None:
    health, metrics = context.health, context.metrics
    try:
        batch = opened(message)
    except MessageRefused as error:
        context.log.warning("features.refused", cause=error.cause, detail=error.detail)
        letter = letter_about(
            message, origin=ORIGIN, cause=error.cause, detail=error.detail, ts_event_ns=health.ts_event_ns
        )
        await proposer.bury(letter)
        return
    await proposer.propose(intents_from(strategies, batch))
    health.ts_event_ns = max(health.ts_event_ns, int(feature_columns(batch)["ts_event_ns"][-1]))
    metrics.rows.labels(symbol=batch.symbol).inc(batch.count)
    metrics.event_age_seconds.set(max(0, time.time_ns() - batch.ts_recv_ns) / SECOND_NS)
