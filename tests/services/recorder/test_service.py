"""The recorder on a real broker: everything once, through kills, bad bytes and a full disk."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import threading

import pytest
import structlog
from structlog.testing import CapturingLogger

from contracts import codec, subjects
from contracts.market import Clock
from contracts.operations import DeadCause, DeadLetter
from ops.telemetry.metrics import Metrics
from services.kit.layout import Run
from services.kit.process import Context, Health
from services.kit.settings import ServiceSettings
from services.recorder import service as recording
from services.recorder.service import serve
from services.replay.evidence import hole_problems
from services.replay.market import market_events
from services.replay.scene import START_NS, market
from streams.bus import BusError, reader
from streams.journal.ends import read_ends
from streams.journal.reader import Journal
from streams.journal.rows import journal_files, messages
from tests.streams.journal.journal_messages import intent

DEADLINE_S = 8.0
MARKET = list(market(seed=2, steps=20, trades_a_step=4))


class Surroundings:
    """A feed, strategies, and the recorder, which can be started, stopped and killed."""

    def __init__(self, broker, buses, open_bus):
        self.broker, self.buses, self._open_bus = broker, buses, open_bus
        self.run = Run(broker.run_dir)
        self.log = CapturingLogger()

    async def feed(self, *batches):
        window = self.buses["feed"].window("MARKET")
        for message in batches:
            is_clock = isinstance(message, Clock)
            subject = (
                subjects.CLOCK if is_clock else subjects.tick(message.kind, message.venue, message.symbol)
            )
            await window.publish(subject, codec.encode(message))
        await window.close_window()

    async def connected(self):
        """The feed can publish again after the broker was started anew."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                with contextlib.suppress(BusError):
                    await self.buses["feed"].stream_state("MARKET")
                    return
                await asyncio.sleep(0.01)

    async def propose(self, number, body=None):
        await self.buses["predict"].publish_acked(
            subjects.intent_proposed("trend", "ES"),
            codec.encode(intent(number)) if body is None else body,
            msg_id=f"intent-{number}",
            stream="INTENTS_PREDICT",
        )

    @contextlib.asynccontextmanager
    async def recorder(self, *, is_killed=False):
        """The recorder runs for the block, then is stopped as the kit stops it, or cancelled."""
        async with self._open_bus() as bus:
            settings = ServiceSettings(
                service="recorder", run_id="test", run_dir=self.broker.run_dir, nats_url=self.broker.url
            )
            log = structlog.wrap_logger(self.log, wrapper_class=structlog.make_filtering_bound_logger(0))
            context = Context(settings, self.run, bus, log, Metrics("recorder"), Health(), asyncio.Event())
            task = asyncio.create_task(serve(context))
            try:
                await until(lambda: context.health.is_ready or task.done())
                yield context
            finally:
                if is_killed:
                    task.cancel()
                context.stopping.set()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait_for(task, DEADLINE_S)

    def count(self, table):
        with Journal(self.run.directory) as journal:
            assert journal.problems == []
            return journal.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0]

    def seqs(self, table):
        with Journal(self.run.directory) as journal:
            return [row[0] for row in journal.sql(f"SELECT stream_seq FROM {table} ORDER BY 1").fetchall()]


async def until(condition):
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def around(broker, bus_of):
    Run(broker.run_dir).create()
    async with bus_of(broker, "feed") as feed, bus_of(broker, "predict") as predict:
        yield Surroundings(broker, {"feed": feed, "predict": predict}, lambda: bus_of(broker, "recorder"))


async def test_a_stop_drains_what_the_streams_hold_and_flushes(around):
    await around.feed(*MARKET)
    await around.propose(1)

    async with around.recorder() as context:
        pass

    ticks = sum(message.count for message in MARKET if not isinstance(message, Clock))
    assert around.count("trades") + around.count("quotes") == ticks
    assert around.count("clocks") == 20
    assert [stored.message for stored in messages(journal_files(around.run.journal), "intents")] == [
        intent(1)
    ]
    assert context.health.is_ok


async def test_each_message_is_kept_once_though_the_recorder_is_killed_again_and_again(around, monkeypatch):
    monkeypatch.setattr(recording, "FLUSH_S", 0.01)
    third = len(MARKET) // 3
    for part in (MARKET[:third], MARKET[third : 2 * third], MARKET[2 * third :]):
        await around.feed(*part)
        async with around.recorder(is_killed=True):
            await until(lambda: around.count("clocks") > 0)
    async with around.recorder():
        pass

    assert around.seqs("clocks") == [
        seq for seq, message in enumerate(MARKET, start=1) if isinstance(message, Clock)
    ]
    seen = {*around.seqs("clocks"), *around.seqs("trades"), *around.seqs("quotes")}
    assert seen == set(range(1, len(MARKET) + 1))
    ticks = sum(message.count for message in MARKET if not isinstance(message, Clock))
    assert around.count("trades") + around.count("quotes") == ticks


async def test_bytes_that_are_no_message_are_kept_and_dead_lettered_once(around):
    await around.propose(1, b"\xc1 not msgpack")
    await around.propose(2)

    async with around.recorder():
        await until(lambda: any("message.undecodable" in str(call) for call in around.log.calls))
    async with around.recorder():
        pass

    (letter,) = [stored.message for stored in messages(journal_files(around.run.journal), "dead_letters")]
    assert isinstance(letter, DeadLetter)
    assert (letter.origin, letter.cause, letter.stream, letter.stream_seq, letter.payload) == (
        "recorder",
        DeadCause.UNDECODABLE,
        "INTENTS_PREDICT",
        1,
        b"\xc1 not msgpack",
    )
    with Journal(around.run.directory) as journal:
        assert journal.sql("SELECT stream_seq, payload FROM raw").fetchall() == [(1, b"\xc1 not msgpack")]
    assert around.count("intents") == 1


@pytest.mark.parametrize("trouble", ["mode", "file in the way"])
async def test_a_journal_that_cannot_be_written_is_told_within_a_second_and_nothing_is_lost(
    around, monkeypatch, trouble
):
    monkeypatch.setattr(recording, "FLUSH_S", 0.05)
    journal = around.run.journal
    aside = journal.with_name("aside")
    async with around.recorder() as context:
        if trouble == "mode":
            journal.chmod(0o555)
        else:
            journal.rename(aside)
            journal.write_bytes(b"")
        async with asyncio.timeout(1.0):
            while context.health.is_ok:
                await asyncio.sleep(0.01)
        assert str(journal) in context.health.cause
        await around.feed(*MARKET)
        if trouble == "mode":
            journal.chmod(0o755)
        else:
            journal.unlink()
            aside.rename(journal)
        await until(lambda: context.health.is_ok)

    assert around.count("clocks") == 20


async def test_reading_pauses_while_nothing_can_be_flushed_and_goes_on_afterwards(around, monkeypatch):
    monkeypatch.setattr(recording, "FLUSH_S", 0.02)
    monkeypatch.setattr(recording, "ROWS_MAX", 10)
    blocker = around.run.journal / "MARKET"
    blocker.write_bytes(b"")
    async with around.recorder() as context:
        await around.feed(*MARKET)
        await until(lambda: not context.health.is_ok)
        for message in MARKET:
            await around.feed(message)
        taken = context.health.position
        assert taken < len(MARKET) * 2
        blocker.unlink()
        await until(lambda: context.health.is_ok)

    assert around.seqs("clocks") == [
        seq for seq, message in enumerate([*MARKET, *MARKET], start=1) if isinstance(message, Clock)
    ]


async def test_a_clean_stop_leaves_how_far_each_stream_went_and_the_next_start_takes_it_away(around):
    await around.feed(*MARKET)
    await around.propose(1)
    async with around.recorder():
        pass
    ends = read_ends(around.run.journal)
    assert (ends["MARKET"], ends["INTENTS_PREDICT"], ends["VERDICTS"]) == (len(MARKET), 1, 0)

    async with around.recorder(is_killed=True):
        assert read_ends(around.run.journal) is None
    assert read_ends(around.run.journal) is None


async def test_a_disk_that_hangs_is_told_though_it_raises_no_error(around, monkeypatch):
    hung = threading.Event()
    async with around.recorder() as context:
        assert context.health.is_ok
        monkeypatch.setattr(recording, "probe", lambda _: hung.wait(DEADLINE_S))
        try:
            await until(lambda: not context.health.is_ok)
            assert "has taken no write for" in context.health.cause
        finally:
            hung.set()
        await until(lambda: context.health.is_ok)


async def test_the_heartbeat_says_how_far_it_has_come(around):
    await around.feed(*MARKET)
    async with around.recorder() as context:
        await until(lambda: context.health.position == len(MARKET))
        assert context.health.ts_event_ns > START_NS


def test_without_its_settings_it_ends_with_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "services.recorder"], env={}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr.startswith("recorder: PENSTOCK_RUN_DIR is not set")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("again", [20, 60], ids=["shorter than before", "longer than before"])
async def test_both_lives_of_a_stream_are_kept_when_a_crash_of_the_broker_took_its_end(
    around, monkeypatch, tmp_path, again
):
    """The broker's files are those of an earlier time: what it loses that had not reached its disk."""
    monkeypatch.setattr(recording, "FLUSH_S", 0.02)
    may_look = asyncio.Event()
    may_look.set()

    async def state_when_allowed(link, stream, look=reader.stream_state):
        await may_look.wait()
        return await look(link, stream)

    monkeypatch.setattr(reader, "stream_state", state_when_allowed)
    broker, half = around.broker, len(MARKET) // 2
    store, kept = broker.run_dir / "broker", tmp_path / "kept"
    await around.feed(*MARKET[:half])
    broker.stop()
    shutil.copytree(store, kept)
    broker.start()
    await around.connected()
    await around.feed(*MARKET[half:])
    async with around.recorder() as context:
        await until(lambda: around.count("clocks") == 20)
        may_look.clear()
        broker.kill()
        shutil.rmtree(store)
        shutil.copytree(kept, store)
        broker.start()
        await around.connected()
        for message in (MARKET * 2)[:again]:
            await around.feed(message)
        may_look.set()
        await until(lambda: context.health.position >= len(MARKET) + again)
        assert context.bus.counters.gaps > 0

    sent = [*MARKET, *(MARKET * 2)[:again]]
    assert around.count("clocks") == sum(isinstance(message, Clock) for message in sent)
    fed_again = [event.message for event in market_events(journal_files(around.run.journal))]
    assert fed_again == sent
    assert any("journal.stream_rewound" in str(call) for call in around.log.calls)
    assert read_ends(around.run.journal)["MARKET"] == half + again
    assert list(hole_problems(journal_files(around.run.journal))) == []
