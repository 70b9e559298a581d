"""Streams and durables are as specified, or provisioning fails. See streams/bus/provision.py."""

import pytest

from contracts import subjects
from contracts.subjects import TEMPLATES
from ops.authority.table import INTENT_PRINCIPALS
from services.kit.broker import EmbeddedBroker
from streams.bus import ApiFailed, NotAcked, monitor
from streams.bus.errors import ProvisionMismatch
from streams.bus.provision import provision
from streams.bus.specs import (
    AUDIT,
    CONTROL,
    DISK_BYTES,
    HEARTBEATS,
    INTENT_BYTES_MAX,
    MARKET,
    VERDICT_BYTES,
    StreamSpec,
    durable_specs,
    intents_stream,
    stream_specs,
)

SPECS = {spec.name: spec for spec in stream_specs(INTENT_PRINCIPALS)}
DECISIONS = {"VERDICTS", "RISK", "CONTROL", "ORDERS", "AUDIT"} | {
    intents_stream(principal) for principal in INTENT_PRINCIPALS
}


def matches(pattern: str, subject: str) -> bool:
    wanted, tokens = pattern.split("."), subject.split(".")
    for index, token in enumerate(wanted):
        if token == ">":
            return len(tokens) > index
        if index >= len(tokens) or token not in ("*", tokens[index]):
            return False
    return len(wanted) == len(tokens)


def streams_of(subject: str) -> list[str]:
    return [name for name, spec in SPECS.items() if any(matches(p, subject) for p in spec.subjects)]


def test_the_decision_streams_are_fsynced_and_lose_nothing():
    assert {name for name, spec in SPECS.items() if spec.is_decision} == DECISIONS
    for name in DECISIONS:
        config = SPECS[name].config()
        assert "persist_mode" not in config
        assert (config["deny_delete"], config["deny_purge"], config["discard"]) == (True, True, "new")
        assert (config["allow_rollup_hdrs"], config["allow_direct"], config["allow_msg_ttl"]) == (False,) * 3


def test_all_streams_together_keep_within_the_disk_bound():
    for disk_bytes in (8 * 1024**2, DISK_BYTES):
        assert (
            sum(spec.max_bytes for spec in stream_specs(INTENT_PRINCIPALS, disk_bytes=disk_bytes))
            <= disk_bytes
        )
        assert all(spec.max_bytes > 0 for spec in stream_specs({}, disk_bytes=disk_bytes))


@pytest.mark.parametrize(
    ("subject", "stream"),
    [
        (subjects.trade("CME", "ES"), "MARKET"),
        (subjects.quote("CME", "ES"), "MARKET"),
        (subjects.CLOCK, "MARKET"),
        (subjects.bar("1s", "CME", "ES"), "BARS"),
        (subjects.news_item("wire"), "NEWS"),
        (subjects.features("core", "CME", "ES"), "FEATURES"),
        (subjects.intent_proposed("trend", "ES"), "INTENTS_PREDICT"),
        (subjects.intent_proposed("mean_revert", "ES"), "INTENTS_PREDICT"),
        (subjects.intent_proposed("drill", "ES"), "INTENTS_DRILL"),
        (subjects.intent_proposed("slm", "ES"), "INTENTS_SLM"),
        (subjects.verdict("trend", "ES"), "VERDICTS"),
        (subjects.RISK_STATE, "RISK"),
        (subjects.RISK_LIMITS, "RISK"),
        (subjects.breaker("stale_market"), "RISK"),
        (subjects.control("kill", "operator1"), "CONTROL"),
        (subjects.heartbeat("gate"), "HEARTBEATS"),
        (subjects.AUDIT_COMMAND, "AUDIT"),
        (subjects.dead("feed"), "DEAD"),
    ],
)
def test_each_subject_has_exactly_its_stream(subject, stream):
    assert streams_of(subject) == [stream]


def test_no_subject_family_is_stored_twice():
    for template in TEMPLATES:
        assert len(streams_of(template)) <= 1, template


async def test_what_was_provisioned_is_there_and_making_it_again_changes_nothing(broker, bus_of):
    accounts = monitor.fetch(broker.monitor_url, "jsz?accounts=true&streams=true")["account_details"]
    made = {stream["name"] for account in accounts for stream in account.get("stream_detail", [])}
    assert made == set(SPECS)
    async with bus_of(broker, "admin") as admin:
        await provision(admin, SPECS.values(), durable_specs(INTENT_PRINCIPALS))
        info = await admin.api(f"$JS.API.STREAM.INFO.{MARKET}", {})
        assert info["config"]["persist_mode"] == "async"
        info = await admin.api("$JS.API.CONSUMER.INFO.INTENTS_DRILL.gate", {})
        assert info["config"]["priority_policy"] == "pinned_client"
        assert info["config"]["max_ack_pending"] == 256


async def test_however_many_beats_there_are_a_command_is_answered(tmp_path, bus_of):
    with EmbeddedBroker(tmp_path / "run", max_file_bytes=8 * 1024**2) as small:
        async with bus_of(small, "gate") as gate, bus_of(small, "viewer") as viewer:
            beats = gate.window(HEARTBEATS, size=100)
            for _ in range(800):
                await beats.publish(subjects.heartbeat("gate"), b"x" * 1_000)
            await beats.close_window()
            ack = await gate.publish_acked(subjects.AUDIT_COMMAND, b"", msg_id="answer", stream=AUDIT)
            assert ack.seq == 1
            kept = await viewer.stream_state(HEARTBEATS)
            assert (kept.last_seq, kept.first_seq > 1) == (800, True)


async def test_a_stream_that_exists_otherwise_is_a_mismatch_that_names_the_field(broker, bus_of):
    other = StreamSpec(
        name=CONTROL, subjects=(subjects.ALL_CONTROL,), is_decision=True, is_async=False, max_bytes=1024**2
    )
    async with bus_of(broker, "admin") as admin:
        with pytest.raises(ProvisionMismatch, match=r"CONTROL: max_bytes is .*, expected 1048576"):
            await provision(admin, [other], [])


async def test_a_decision_stream_cannot_be_purged_or_have_a_message_deleted(broker, bus_of):
    async with bus_of(broker, "admin") as admin, bus_of(broker, "operator1") as operator:
        await operator.publish_acked("control.kill.operator1", b"", msg_id="1", stream=CONTROL)
        with pytest.raises(ApiFailed, match="purge not permitted"):
            await admin.api(f"$JS.API.STREAM.PURGE.{CONTROL}", {})
        with pytest.raises(ApiFailed, match="message delete not permitted"):
            await admin.api(f"$JS.API.STREAM.MSG.DELETE.{CONTROL}", {"seq": 1})
        assert (await admin.stream_state(CONTROL)).messages == 1


def test_all_intents_together_cannot_fill_the_verdicts_stream():
    """One principal must not stop the others by making the gate answer it."""
    intents = [SPECS[intents_stream(principal)] for principal in INTENT_PRINCIPALS]
    assert sum(spec.max_msgs for spec in intents) * VERDICT_BYTES <= SPECS["VERDICTS"].max_bytes
    assert all(spec.max_msgs > 0 and spec.max_msg_bytes == INTENT_BYTES_MAX for spec in intents)


async def test_an_intent_of_a_megabyte_is_refused_by_the_broker(broker, bus_of):
    async with bus_of(broker, "drill") as drill:
        with pytest.raises(NotAcked, match="exceeds maximum"):
            await drill.publish_acked(
                subjects.intent_proposed("drill", "ES"),
                b"x" * (INTENT_BYTES_MAX + 1),
                msg_id="1",
                stream="INTENTS_DRILL",
                attempts=1,
            )
