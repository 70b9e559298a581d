"""Every principal against every subject, asked of a real broker. See ops/authority/table.py.

What a cell should be is written here by hand, not derived from the table under test.
"""

import asyncio
from contextlib import AsyncExitStack

import pytest

from contracts import subjects
from streams.bus import Bus, BusError, NotAcked
from streams.bus.specs import MARKET, RISK, VERDICTS

PROBES = {
    "md.trade.CME.ES": "MARKET",
    "md.quote.CME.ES": "MARKET",
    "md.book.CME.ES": "MARKET",
    "md.clock": "MARKET",
    "md.bar.1s.CME.ES": "BARS",
    "news.item.wire": "NEWS",
    "feat.core.CME.ES": "FEATURES",
    "intent.proposed.trend.ES": "INTENTS_PREDICT",
    "intent.proposed.mean_revert.ES": "INTENTS_PREDICT",
    "intent.proposed.drill.ES": "INTENTS_DRILL",
    "intent.proposed.slm.ES": "INTENTS_SLM",
    "risk.verdict.trend.ES": "VERDICTS",
    "risk.state": "RISK",
    "risk.limits": "RISK",
    "risk.breaker.stale_market": "RISK",
    "order.shadow.CME.ES": "ORDERS",
    "fill.shadow.CME.ES": "ORDERS",
    "control.kill.operator1": "CONTROL",
    "control.reset.operator1": "CONTROL",
    "control.reset.operator2": "CONTROL",
    "audit.heartbeat.gate": "HEARTBEATS",
    "audit.heartbeat.recorder": "HEARTBEATS",
    "audit.heartbeat.feed": "HEARTBEATS",
    "audit.heartbeat.features": "HEARTBEATS",
    "audit.heartbeat.predict": "HEARTBEATS",
    "audit.command": "AUDIT",
    "dead.feed": "DEAD",
    "dead.features": "DEAD",
    "dead.predict": "DEAD",
    "dead.gate": "DEAD",
    "dead.intent": "DEAD",
    "dead.recorder": "DEAD",
}
MAY_PUBLISH = {
    "admin": set(),
    "feed": {
        "md.trade.CME.ES",
        "md.quote.CME.ES",
        "md.book.CME.ES",
        "md.clock",
        "news.item.wire",
        "dead.feed",
        "audit.heartbeat.feed",
    },
    "features": {"feat.core.CME.ES", "md.bar.1s.CME.ES", "dead.features", "audit.heartbeat.features"},
    "predict": {
        "intent.proposed.trend.ES",
        "intent.proposed.mean_revert.ES",
        "dead.predict",
        "audit.heartbeat.predict",
    },
    "drill": {"intent.proposed.drill.ES"},
    "slm": {"intent.proposed.slm.ES"},
    "gate": {
        "risk.verdict.trend.ES",
        "risk.state",
        "risk.limits",
        "risk.breaker.stale_market",
        "audit.heartbeat.gate",
        "audit.command",
        "dead.gate",
        "dead.intent",
    },
    "recorder": {"dead.recorder", "audit.heartbeat.recorder"},
    "viewer": set(),
    "operator1": {"control.kill.operator1", "control.reset.operator1"},
    "operator2": {"control.reset.operator2"},
    "replay": set(),
    "sys": set(),
}
READS = {
    "admin": set(PROBES.values()),
    "feed": set(),
    "features": {"MARKET", "FEATURES", "BARS"},
    "predict": {"FEATURES", "BARS", "NEWS", "RISK", "INTENTS_PREDICT"},
    "drill": set(),
    "slm": set(),
    "gate": {"MARKET", "CONTROL", "VERDICTS", "RISK", "ORDERS"},
    "recorder": set(PROBES.values()),
    "viewer": set(PROBES.values()),
    "operator1": {"RISK", "AUDIT"},
    "operator2": {"RISK", "AUDIT"},
    "replay": set(),
    "sys": set(),
}


async def is_stored(bus: Bus, subject: str, stream: str) -> bool:
    try:
        ack = await bus.publish_acked(
            subject, b"probe", msg_id=f"{bus.name}.{subject}", stream=stream, timeout_s=0.5, attempts=1
        )
    except NotAcked:
        return False
    return ack.stream == stream


async def test_the_matrix_names_every_principal(broker):
    assert set(broker.principals) == set(MAY_PUBLISH) == set(READS)


@pytest.mark.parametrize("principal", MAY_PUBLISH)
async def test_publishes_exactly_what_the_matrix_allows(broker, bus_of, principal):
    allowed = MAY_PUBLISH[principal]
    async with bus_of(broker, principal) as bus, bus_of(broker, "viewer") as viewer:
        stored = {subject for subject, stream in PROBES.items() if await is_stored(bus, subject, stream)}
        assert stored == allowed
        assert bus.counters.permission_violations == len(PROBES) - len(allowed)
        kept = 0
        for stream in set(PROBES.values()):
            kept += (await viewer.stream_state(stream)).messages
        assert kept == len(allowed)


@pytest.mark.parametrize("principal", READS)
async def test_makes_consumers_on_exactly_what_the_matrix_lets_it_read(shared_broker, principal):
    async with Bus.connect(shared_broker.settings_of(principal)) as bus:
        requests = {
            stream: f"$JS.API.CONSUMER.CREATE.{stream}.{principal}-x" for stream in set(PROBES.values())
        }
        granted = set()
        for stream, subject in requests.items():
            config = {"name": f"{principal}-x", "ack_policy": "none"}
            if await is_answered(bus, subject, {"stream_name": stream, "config": config}):
                granted.add(stream)
        assert granted == READS[principal]


async def is_answered(bus: Bus, subject: str, request: dict[str, object]) -> bool:
    try:
        await bus.api(subject, request)
    except BusError:
        return False
    return True


@pytest.mark.parametrize("principal", sorted(set(MAY_PUBLISH) - {"admin"}))
@pytest.mark.parametrize(
    "request_subject",
    [
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.STREAM.UPDATE.VERDICTS",
        "$JS.API.STREAM.DELETE.VERDICTS",
        "$JS.API.STREAM.PURGE.VERDICTS",
        "$JS.API.STREAM.MSG.DELETE.VERDICTS",
        "$JS.API.STREAM.LIST",
        "$JS.API.CONSUMER.DURABLE.CREATE.INTENTS_PREDICT.gate",
        "$JS.API.CONSUMER.CREATE.INTENTS_PREDICT.gate",
        "$JS.API.CONSUMER.CREATE.INTENTS_PREDICT.mine.intent.proposed.trend.ES",
        "$JS.API.CONSUMER.DELETE.INTENTS_PREDICT.gate",
    ],
)
async def test_only_admin_provisions(shared_broker, principal, request_subject):
    """No answer, and a violation: the broker drops the request before JetStream sees it."""
    async with Bus.connect(shared_broker.settings_of(principal)) as bus:
        assert not await is_answered(bus, request_subject, {})
        assert bus.counters.permission_violations == 1


@pytest.mark.parametrize("principal", sorted(set(MAY_PUBLISH) - {"admin", "gate"}))
async def test_nobody_but_the_gate_takes_or_acknowledges_its_intents(shared_broker, principal):
    async with Bus.connect(shared_broker.settings_of(principal)) as bus:
        await bus.publish("$JS.API.CONSUMER.MSG.NEXT.INTENTS_DRILL.gate", b"")
        await bus.publish("$JS.ACK.INTENTS_DRILL.gate.1.1.1.1.0", b"")
        await bus.flush()
        assert bus.counters.permission_violations == 2


@pytest.mark.parametrize("principal", sorted(MAY_PUBLISH))
async def test_nobody_hears_what_is_answered_to_another(shared_broker, principal):
    other = "gate" if principal != "gate" else "viewer"
    async with Bus.connect(shared_broker.settings_of(principal)) as bus:
        for subject in (f"_INBOX.{other}.>", "_INBOX.>", ">"):
            await bus.subscribe(subject, lambda _: None)
        await bus.flush()
        assert bus.counters.permission_violations == 3


@pytest.mark.parametrize(
    ("principal", "heard"),
    [
        ("gate", {"audit.heartbeat.recorder"}),
        ("operator1", {"audit.heartbeat.recorder", "audit.command"}),
        ("viewer", {"audit.heartbeat.recorder", "audit.command", "risk.state"}),
        ("feed", set()),
        ("slm", set()),
    ],
)
async def test_listens_to_what_its_work_needs(broker, bus_of, principal, heard):
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(bus_of(broker, principal))
        gate = await stack.enter_async_context(bus_of(broker, "gate"))
        got: asyncio.Queue[str] = asyncio.Queue()
        recorder = await stack.enter_async_context(bus_of(broker, "recorder"))
        spoken = {"audit.heartbeat.recorder": recorder, "audit.command": gate, "risk.state": gate}
        for subject in spoken:
            await bus.subscribe(subject, lambda message: got.put_nowait(message.subject))
        await bus.flush()
        for subject, speaker in spoken.items():
            await speaker.publish(subject, b"")
            await speaker.flush()
        await bus.flush()
        assert {got.get_nowait() for _ in range(got.qsize())} == heard


async def test_the_slm_proposes_and_learns_that_it_was_stored_and_reaches_nothing_else(broker, bus_of):
    subject = subjects.intent_proposed("slm", "ES")
    async with bus_of(broker, "slm") as slm, bus_of(broker, "viewer") as viewer:
        ack = await slm.publish_acked(subject, b"1", msg_id="1", stream="INTENTS_SLM")
        assert (ack.stream, ack.seq) == ("INTENTS_SLM", 1)
        stored = await viewer.last_message("INTENTS_SLM", subject)
        assert stored is not None
        assert stored.payload == b"1"
        for stream in (MARKET, VERDICTS, RISK, "INTENTS_SLM"):
            assert not await is_answered(slm, f"$JS.API.STREAM.INFO.{stream}", {})


@pytest.mark.parametrize("target", ["risk.verdict.trend.ES", "control.reset.operator1", "md.clock"])
async def test_an_answer_to_the_slm_cannot_be_turned_onto_another_subject(broker, bus_of, target):
    """The acknowledgement of its own intent, with a reply subject of its choice, stays in its account."""
    async with bus_of(broker, "slm") as slm, bus_of(broker, "viewer") as viewer:
        await slm._link.publish(subjects.intent_proposed("slm", "ES"), b"1", target)
        await slm.publish_acked(subjects.intent_proposed("slm", "ES"), b"2", msg_id="2", stream="INTENTS_SLM")
        for stream in ("VERDICTS", "CONTROL", "MARKET"):
            assert (await viewer.stream_state(stream)).messages == 0
        assert (await viewer.stream_state("INTENTS_SLM")).messages == 2


async def test_a_replay_publishes_only_to_itself(broker, bus_of):
    async with bus_of(broker, "replay") as replay, bus_of(broker, "viewer") as viewer:
        heard: asyncio.Queue[str] = asyncio.Queue()
        await replay.subscribe("replay.>", lambda message: heard.put_nowait(message.subject))
        await viewer.subscribe("replay.>", lambda _: heard.put_nowait("leaked"))
        await replay.publish("replay.run1.risk.verdict.trend.ES", b"")
        assert await heard.get() == "replay.run1.risk.verdict.trend.ES"
        await viewer.flush()
        assert heard.empty()
        assert viewer.counters.permission_violations == 1
