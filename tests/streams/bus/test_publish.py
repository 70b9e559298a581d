"""Acknowledged, fenced publishes on a real broker. See streams/bus/connection.py."""

import asyncio

import pytest

from contracts import codec, subjects
from contracts.operations import DeadCause, DeadLetter
from streams.bus import Bus, BusSettings, Conflict, Denied, NotAcked, StreamMissing, Unreachable
from streams.bus.connection import _nanos
from streams.bus.specs import DEAD, RISK, VERDICTS

SUBJECT = subjects.verdict("trend", "ES")


def letter(detail: str, stream_seq: int) -> DeadLetter:
    return DeadLetter(
        origin="gate",
        cause=DeadCause.UNDECODABLE,
        detail=detail,
        subject=SUBJECT,
        stream=VERDICTS if stream_seq else "",
        stream_seq=stream_seq,
        count=1,
        ts_event_ns=0,
        payload=b"x",
        payload_bytes=1,
    )


async def test_the_same_id_is_stored_once(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        first = await bus.publish_acked(SUBJECT, b"1", msg_id="a", stream=VERDICTS)
        again = await bus.publish_acked(SUBJECT, b"1", msg_id="a", stream=VERDICTS)
        assert (first.seq, first.is_duplicate) == (1, False)
        assert (again.seq, again.is_duplicate) == (1, True)
        assert (await bus.stream_state(VERDICTS)).last_seq == 1


async def test_a_fenced_publish_loses_against_another_writer_and_stores_nothing(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        await bus.publish_acked(SUBJECT, b"1", msg_id="a", stream=VERDICTS, expected_last_subject_seq=0)
        with pytest.raises(Conflict) as raised:
            await bus.publish_acked(SUBJECT, b"2", msg_id="b", stream=VERDICTS, expected_last_subject_seq=0)
        assert (raised.value.found, raised.value.expected) == (1, 0)
        assert str(raised.value) == (
            "last sequence on risk.verdict.trend.ES is 1, expected 0: another writer was first"
        )
        assert (await bus.stream_state(VERDICTS)).last_seq == 1


async def test_a_fence_is_about_one_subject_only(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        await bus.publish_acked(SUBJECT, b"1", msg_id="a", stream=VERDICTS, expected_last_subject_seq=0)
        other = subjects.verdict("trend", "NQ")
        ack = await bus.publish_acked(other, b"1", msg_id="b", stream=VERDICTS, expected_last_subject_seq=0)
        assert ack.seq == 2


async def test_repeating_a_fenced_publish_whose_ack_was_lost_is_no_conflict(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        for is_again in (False, True):
            ack = await bus.publish_acked(
                SUBJECT, b"1", msg_id="a", stream=VERDICTS, expected_last_subject_seq=0
            )
            assert (ack.seq, ack.is_duplicate) == (1, is_again)


async def test_a_fenced_group_whose_acks_were_lost_is_no_conflict_and_is_stored_once(
    broker, bus_of, monkeypatch
):
    async with bus_of(broker, "gate") as bus:
        request, lost = bus._link.request, []

        async def request_and_lose_the_first_answer(subject, payload, timeout_s, headers=None):
            answer = await request(subject, payload, timeout_s, headers)
            if subject == SUBJECT and payload not in lost:
                lost.append(payload)
                raise Unreachable("", subject, "the answer was lost")
            return answer

        monkeypatch.setattr(bus._link, "request", request_and_lose_the_first_answer)

        def publish(number):
            text = f"{number}"
            return bus.publish_acked(
                SUBJECT, text.encode(), msg_id=text, stream=VERDICTS, expected_last_subject_seq=number
            )

        acks = await asyncio.gather(*(publish(number) for number in range(3)))
        assert lost == [b"0", b"1", b"2"]
        assert [(ack.seq, ack.is_duplicate) for ack in acks] == [(1, True), (2, True), (3, True)]
        assert (await bus.stream_state(VERDICTS)).messages == 3


async def test_a_rival_right_behind_the_fence_is_a_conflict_whoever_wrote_after_it(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        for msg_id in ("rival", "later"):
            await bus.publish_acked(SUBJECT, b"", msg_id=msg_id, stream=VERDICTS)
        with pytest.raises(Conflict, match="is 2, expected 0"):
            await bus.publish_acked(SUBJECT, b"", msg_id="ours", stream=VERDICTS, expected_last_subject_seq=0)


async def test_a_message_in_the_wrong_stream_is_refused(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        with pytest.raises(NotAcked, match="expected stream does not match"):
            await bus.publish_acked(SUBJECT, b"1", msg_id="a", stream=RISK)


async def test_a_forbidden_publish_fails_at_once_and_is_counted(broker, bus_of):
    async with bus_of(broker, "feed") as bus:
        with pytest.raises(NotAcked, match=r"feed may not publish on risk\.verdict\.trend\.es"):
            await bus.publish_acked(SUBJECT, b"1", msg_id="a", stream=VERDICTS, timeout_s=30.0)
        assert bus.counters.permission_violations == 1
        assert "risk.verdict" in bus.counters.last_violation


async def test_without_a_broker_it_gives_up_after_its_attempts(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        broker.kill()
        with pytest.raises(NotAcked, match=r"in 2 attempts: nothing came in 0\.05 s"):
            await bus.publish_acked(SUBJECT, b"1", msg_id="a", stream=VERDICTS, timeout_s=0.05, attempts=2)


async def test_a_retry_succeeds_once_the_broker_is_back(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        broker.kill()
        publishing = asyncio.create_task(
            bus.publish_acked(SUBJECT, b"1", msg_id="a", stream=VERDICTS, timeout_s=0.2, attempts=50)
        )
        await asyncio.sleep(0)
        broker.start()
        assert (await publishing).seq == 1
        assert (await bus.stream_state(VERDICTS)).messages == 1


async def test_the_last_message_comes_back_as_it_was_stored(broker, bus_of):
    async with bus_of(broker, "gate") as bus:
        assert await bus.last_message(VERDICTS, SUBJECT) is None
        for number in (b"1", b"2"):
            await bus.publish_acked(
                SUBJECT, number, msg_id=number.decode(), stream=VERDICTS, headers={"Epoch": "7"}
            )
        last = await bus.last_message(VERDICTS, subjects.ALL_VERDICTS)
        assert last is not None
        assert (last.subject, last.payload, last.stream_seq) == (SUBJECT, b"2", 2)
        assert (last.headers["Nats-Msg-Id"], last.headers["Epoch"]) == ("2", "7")
        assert last.ts_store_ns > 1_700_000_000_000_000_000


async def test_a_stream_that_does_not_exist_is_named(broker, bus_of):
    async with bus_of(broker, "admin") as bus:
        with pytest.raises(StreamMissing, match="there is no JetStream stream NOPE"):
            await bus.stream_state("NOPE")


async def test_a_letter_about_one_stored_message_is_kept_once(broker, bus_of):
    async with bus_of(broker, "gate") as bus, bus_of(broker, "viewer") as viewer:
        await bus.dead(letter("bad", 5))
        await bus.dead(letter("bad", 5))
        await bus.dead(letter("bad", 6))
        kept = await viewer.last_message(DEAD, subjects.dead("gate"))
        assert kept is not None
        assert kept.stream_seq == 2
        assert codec.decode(DeadLetter, kept.payload) == letter("bad", 6)


async def test_letters_without_a_place_are_all_kept(broker, bus_of):
    async with bus_of(broker, "gate") as bus, bus_of(broker, "viewer") as viewer:
        await bus.dead(letter("bad row", 0))
        await bus.dead(letter("bad row", 0))
        assert (await viewer.stream_state(DEAD)).messages == 2


async def test_asks_and_answers(bare_server):
    async with Bus.connect(BusSettings(url=bare_server.url, name="tools")) as bus:
        answers: set[asyncio.Task[None]] = set()

        def answer(raw):
            answers.add(asyncio.create_task(bus.publish(raw.reply, raw.data.upper())))

        await bus._link.subscribe("tool.echo", answer)
        assert await bus.request("tool.echo", b"hello") == b"HELLO"
        with pytest.raises(Unreachable, match="nobody listens there"):
            await bus.request("tool.none", b"", timeout_s=30.0)


async def test_an_answer_that_does_not_come_is_given_up(bare_server):
    async with Bus.connect(BusSettings(url=bare_server.url, name="tools")) as bus:
        await bus.subscribe("tool.mute", lambda _: None)
        with pytest.raises(Unreachable, match=r"nothing came in 0\.05 s"):
            await bus.request("tool.mute", b"", timeout_s=0.05)


async def test_a_forbidden_request_is_denied_at_once(broker, bus_of):
    async with bus_of(broker, "feed") as bus:
        with pytest.raises(Denied) as raised:
            await bus.request("tool.echo", b"", timeout_s=30.0)
        assert (raised.value.principal, raised.value.action) == ("feed", "publish")


@pytest.mark.parametrize(
    ("written", "nanos"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("2026-11-20T08:25:41.945641314Z", 1_795_163_141_945_641_314),
    ],
)
def test_reads_the_brokers_time_to_the_nanosecond(written, nanos):
    assert _nanos(written) == nanos
