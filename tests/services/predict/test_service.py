"""The predictors over a real broker. See services/predict/service.py."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
import structlog

from contracts import codec, subjects
from contracts.columns import feature_layout, pack
from contracts.features import FeatureBatch
from contracts.intents import Intent
from contracts.operations import DeadCause, DeadLetter
from contracts.scalars import SECOND_NS
from ops.telemetry.metrics import Metrics
from services.kit.broker import EmbeddedBroker
from services.kit.gate_config import load_gate_config
from services.kit.layout import Run
from services.kit.process import Context, Health
from services.kit.run_files import furnish
from services.kit.settings import ServiceSettings
from services.predict.proposer import STREAM
from services.predict.service import intents_from, serve
from streams.bus import Bus, NotAcked
from streams.strategies import build
from tests.conftest import BusOf

DEADLINE_S = 10.0
NAMES = ("ewma_volatility", "rsi", "trade_imbalance", "vwap", "zscore")
ROWS = 320


def features(start: int = 0, end: int = ROWS, symbol: str = "ES", venue: str = "CME") -> FeatureBatch:
    """Rows ``start`` to ``end`` of a market that swings: both rules find something in it."""
    at = np.arange(start, end)
    swing = np.sin(at / 9.0)
    columns = {
        "seq": at + 1,
        "ts_event_ns": SECOND_NS + at * (SECOND_NS // 2),
        "price": np.full(len(at), 1640.0),
        "valid": np.full(len(at), (1 << len(NAMES)) - 1, dtype=np.uint64),
        "ewma_volatility": np.full(len(at), 1e-4),
        "rsi": 50.0 + 30.0 * swing,
        "trade_imbalance": -swing,
        "vwap": 1640.0 * (1 + 2e-3 * swing),
        "zscore": 4.0 * swing,
    }
    return FeatureBatch(
        set="core",
        source="test",
        venue=venue,
        symbol=symbol,
        names=NAMES,
        count=len(at),
        ts_recv_ns=5,
        columns=pack(feature_layout(NAMES), columns),
    )


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.005)


class Surroundings:
    """The features service and a reader, beside predictors that come and go."""

    def __init__(self, broker: EmbeddedBroker, bus_of: BusOf, run: Run, features: Bus, recorder: Bus) -> None:
        self.broker, self.bus_of, self.run = broker, bus_of, run
        self.features, self.recorder = features, recorder

    async def publish(self, *batches: FeatureBatch) -> None:
        for batch in batches:
            await self.publish_raw(
                subjects.features(batch.set, batch.venue, batch.symbol), codec.encode(batch)
            )

    async def publish_raw(self, subject: str, payload: bytes) -> None:
        count = (await self.recorder.stream_state("FEATURES")).last_seq
        await self.features.publish_acked(subject, payload, msg_id=f"row-{count}", stream="FEATURES")

    @asynccontextmanager
    async def predicting(self, *, spoil: Callable[[Bus], None] | None = None) -> AsyncIterator[Context]:
        settings = ServiceSettings(service="predict", run_id="r1", run_dir=self.run.directory, nats_url="")
        async with self.bus_of(self.broker, "predict") as bus:
            if spoil:
                spoil(bus)
            context = Context(
                settings, self.run, bus, structlog.get_logger(), Metrics("predict"), Health(), asyncio.Event()
            )
            work = asyncio.create_task(serve(context))
            try:
                await until(lambda: context.health.is_ready or work.done())
                yield context
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

    async def handled(self, context: Context, messages: int) -> None:
        await until(lambda: context.health.position >= messages)

    async def stored(self, stream: str) -> list[tuple[str, bytes]]:
        last = (await self.recorder.stream_state(stream)).last_seq
        found: list[tuple[str, bytes]] = []
        async for batch in self.recorder.read(stream, stop_after=last):
            found += [(message.subject, message.payload) for message in batch]
        return found

    async def intents(self) -> list[Intent]:
        return [codec.decode(Intent, payload) for _, payload in await self.stored(STREAM)]

    async def letters(self) -> list[DeadLetter]:
        return [codec.decode(DeadLetter, payload) for _, payload in await self.stored("DEAD")]

    def expected(self, batches: Sequence[FeatureBatch]) -> list[Intent]:
        strategies = build(load_gate_config(self.run).cards)
        return [intent for batch in batches for intent in intents_from(strategies, batch)]


@pytest.fixture
async def around(broker: EmbeddedBroker, bus_of: BusOf, tmp_path: Path) -> AsyncIterator[Surroundings]:
    run = Run(tmp_path / "run")
    run.create()
    furnish(run)
    async with bus_of(broker, "features") as rows, bus_of(broker, "recorder") as recorder:
        yield Surroundings(broker, bus_of, run, rows, recorder)


async def test_proposes_what_the_strategies_say_each_on_its_own_subject(around: Surroundings):
    batches = [features(), features(symbol="SYNTH", venue="SIM")]
    async with around.predicting() as context:
        await around.publish(*batches)
        await around.handled(context, 2)
    stored = await around.stored(STREAM)
    made = await around.intents()
    assert made == around.expected(batches)
    assert {(intent.strategy_id, intent.symbol) for intent in made} == {
        (strategy, symbol) for strategy in ("trend", "mean_revert") for symbol in ("ES", "SYNTH")
    }
    for (subject, _), intent in zip(stored, made, strict=True):
        assert subject == subjects.intent_proposed(intent.strategy_id, intent.symbol)


async def test_a_predictor_that_starts_over_proposes_only_what_is_missing(around: Surroundings):
    parts = [features(at, at + 40) for at in range(0, ROWS, 40)]
    async with around.predicting() as context:
        await around.publish(*parts[:4])
        await around.handled(context, 4)
    before = await around.intents()
    await around.publish(*parts[4:6])
    async with around.predicting() as context:
        assert context.health.is_ready
        await around.publish(*parts[6:])
        await around.handled(context, len(parts))
    made = await around.intents()
    assert made[: len(before)] == before
    assert made == around.expected(parts)
    assert len({intent.intent_id for intent in made}) == len(made) > len(before) > 0


async def test_how_rows_are_cut_into_batches_does_not_change_the_order_of_intents(around: Surroundings):
    whole = around.expected([features()])
    assert around.expected([features(at, at + 7) for at in range(0, ROWS - ROWS % 7, 7)]) == [
        intent for intent in whole if intent.basis_seq <= ROWS - ROWS % 7
    ]


async def test_bytes_that_are_no_features_end_as_letters_and_the_rest_goes_on(around: Surroundings):
    good = features()
    subject = subjects.features("core", "CME", "ES")
    short = codec.encode(msgspec.structs.replace(good, count=ROWS - 1))
    async with around.predicting() as context:
        await around.publish_raw(subject, b"\xc1 no message")
        await around.publish_raw(subject, short)
        await around.publish_raw(subjects.features("core", "CME", "NQ"), codec.encode(good))
        await around.publish(good)
        await around.handled(context, 4)
        assert context.health.is_ok
    assert await around.intents() == around.expected([good])
    letters = await around.letters()
    assert [(letter.cause, letter.stream, letter.stream_seq) for letter in letters] == [
        (DeadCause.UNDECODABLE, "FEATURES", 1),
        (DeadCause.UNDECODABLE, "FEATURES", 2),
        (DeadCause.SUBJECT_MISMATCH, "FEATURES", 3),
    ]
    assert letters[0].payload == b"\xc1 no message"


async def test_an_intent_that_the_bus_refuses_is_told_and_later_ones_go_through(around: Surroundings):
    refusals = iter([True, True])

    def spoil(bus: Bus) -> None:
        genuine = bus.publish_acked

        async def refuses_twice(subject: str, payload: bytes, **fields: object):
            if fields["stream"] == STREAM and next(refusals, False):
                raise NotAcked(STREAM, subject, 3, "no answer")
            return await genuine(subject, payload, **fields)  # type: ignore[arg-type]

        bus.publish_acked = refuses_twice  # type: ignore[method-assign]

    halves = features(0, ROWS // 2), features(ROWS // 2, ROWS)
    async with around.predicting(spoil=spoil) as context:
        await around.publish(halves[0])
        await around.handled(context, 1)
        is_ok, cause = context.health.is_ok, context.health.cause
        await around.publish(halves[1])
        await around.handled(context, 2)
        is_ok_again = context.health.is_ok
    expected = around.expected(list(halves))
    assert await around.intents() == expected[2:]
    assert (is_ok, is_ok_again) == (False, True)
    assert cause.startswith("2 intents were not acknowledged")
    letters = await around.letters()
    assert [letter.cause for letter in letters] == [DeadCause.FAILED] * 2
    assert [codec.decode(Intent, letter.payload) for letter in letters] == expected[:2]
