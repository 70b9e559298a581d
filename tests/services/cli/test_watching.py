"""What ``penstock watch`` prints. See services/cli/watching.py and services/cli/lines.py."""

import asyncio
import json

import numpy as np
import pytest

from contracts import subjects
from contracts.codec import encode
from contracts.columns import pack
from contracts.market import TRADE_COLUMNS, Clock, TickBatch
from contracts.operations import Heartbeat
from services.cli.trouble import Trouble, Unknown
from services.cli.watching import WORDS, rendered, subjects_of, watch_live
from services.kit.live import Live

CLOCK = Clock(source="es", ts_event_ns=1_378_221_600_000_000_000, ts_recv_ns=0)


def live_of(broker) -> Live:
    return Live(
        pid=0, run_id="run", nats_url=broker.url, monitor_url="", broker_pid=0,
        seeds=str(broker.run_dir / "seeds"), metrics_ports={}, ts_started_ns=0,
    )  # fmt: skip


def make_batch() -> TickBatch:
    columns = {
        "ts_event_ns": np.array([1_378_221_600_000_000_000, 1_378_221_600_250_000_000]),
        "price": np.array([1640.25, 1640.5]),
        "size": np.array([1.0, 2.0]),
        "aggressor": np.array([1, -1]),
    }
    return TickBatch(
        source="es", venue="CME", symbol="ES", kind="trade", first_seq=7, count=2, ts_recv_ns=0,
        columns=pack(TRADE_COLUMNS, columns),
    )  # fmt: skip


def test_a_line_tells_event_time_kind_and_content():
    line = rendered(subjects.CLOCK, encode(CLOCK), as_json=False)

    assert line == "15:20:00.000 clock   es"


def test_a_batch_is_told_by_the_range_of_its_rows():
    line = rendered(subjects.trade("CME", "ES"), encode(make_batch()), as_json=False)

    assert line == "15:20:00.250 ticks   CME ES     trades 7..8 of es"


def test_json_has_the_rows_of_a_batch_not_its_bytes():
    told = json.loads(rendered(subjects.trade("CME", "ES"), encode(make_batch()), as_json=True))

    assert "columns" not in told["message"]
    assert [(row["seq"], row["price"]) for row in told["message"]["rows"]] == [(7, 1640.25), (8, 1640.5)]


def test_bytes_that_do_not_decode_are_told_and_not_an_error():
    assert "UNDECODABLE intent.proposed.drill.ES 3 bytes" in rendered(
        subjects.intent_proposed("drill", "ES"), b"\xc1no", as_json=False
    )
    told = json.loads(rendered("dead.intent", b"\xc1no", as_json=True))
    assert told["bytes"] == 3


@pytest.mark.parametrize("word", WORDS)
def test_a_word_means_subjects_of_ours(word):
    assert all(subjects_of(subject) == (subject,) for subject in subjects_of(word))


def test_a_subject_of_no_family_of_ours_is_unknown():
    with pytest.raises(Unknown, match=r"no subject 'orders\.new'"):
        subjects_of("orders.new")


async def test_messages_of_a_live_broker_are_printed_with_the_viewer_s_credential(broker, bus_of, capsys):
    stack = live_of(broker)
    beat = Heartbeat(
        service="feed",
        run_id="run",
        is_ready=True,
        is_ok=True,
        cause="",
        ts_event_ns=1,
        position=4,
        ts_recv_ns=0,
    )
    watching = asyncio.create_task(watch_live(stack, subjects_of("beats"), 1, as_json=True))
    async with bus_of(broker, "feed") as feed:
        while not watching.done():  # until the watcher has subscribed, nobody keeps a core message
            await feed.publish(subjects.heartbeat("feed"), encode(beat))
            await asyncio.wait({watching}, timeout=0.02)
    await watching

    assert json.loads(capsys.readouterr().out)["message"]["position"] == 4


async def test_a_message_that_is_said_again_with_its_id_is_printed_once(broker, bus_of, capsys):
    stack = live_of(broker)
    clock, other = CLOCK, Clock(source="synth", ts_event_ns=1, ts_recv_ns=0)
    watching = asyncio.create_task(watch_live(stack, subjects_of("clock"), 2, as_json=True))
    async with bus_of(broker, "feed") as feed:
        while not capsys.readouterr().out:  # until the watcher listens, nobody hears
            for _ in range(2):
                await feed.publish(subjects.CLOCK, encode(clock), headers={"Nats-Msg-Id": "first"})
            await asyncio.sleep(0.02)
        await feed.publish(subjects.CLOCK, encode(other), headers={"Nats-Msg-Id": "second"})
        await watching

    assert json.loads(capsys.readouterr().out)["message"]["source"] == "synth"


async def test_a_subject_that_the_viewer_may_not_hear_is_told_and_not_waited_for(broker):
    with pytest.raises(Trouble, match=r"the viewer may not listen to risk\.>"):
        await watch_live(live_of(broker), ("risk.>",), 1, as_json=True)
