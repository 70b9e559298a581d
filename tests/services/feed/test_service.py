"""The feed over a real broker, and its pacing on a clock of the test's own. See services/feed/service.py."""

import asyncio
from pathlib import Path

import pytest

from contracts import codec, subjects
from contracts.columns import tick_columns
from contracts.market import Clock, TickBatch
from contracts.operations import DeadCause, DeadLetter
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from services.feed.service import Played, play
from services.feed.settings import FeedSettings, from_options
from services.kit.broker import EmbeddedBroker
from services.kit.process import Health
from streams.bus import Bus, NotAcked
from streams.sources import SourceInvalid
from streams.sources.packaged import ES_BUSIEST
from tests.conftest import BusOf

MINUTE = {"source": "es,synth", "from": ES_BUSIEST[0], "to": "2013-09-03T10:21:00"}


class HandWall:
    """A clock that moves only when somebody sleeps, and remembers."""

    def __init__(self) -> None:
        self.elapsed_ns = 0
        self.stop_at_ns = 0
        self.stopping = asyncio.Event()

    def now_ns(self) -> int:
        return 10**18 + self.elapsed_ns

    def monotonic_ns(self) -> int:
        return self.elapsed_ns

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.elapsed_ns += round(seconds * SECOND_NS)
        if self.stop_at_ns and self.elapsed_ns >= self.stop_at_ns:
            self.stopping.set()


async def messages(bus: Bus, stream: str) -> list[TickBatch | Clock | DeadLetter]:
    last = (await bus.stream_state(stream)).last_seq
    found = []
    async for batch in bus.read(stream, stop_after=last):
        found += [codec.decode_any(message.payload) for message in batch]
    return found  # type: ignore[return-value]  # what the feed publishes


async def played(
    broker: EmbeddedBroker, bus_of: BusOf, settings: FeedSettings, wall: HandWall | None = None
) -> tuple[Played, list[TickBatch | Clock | DeadLetter]]:
    wall = wall or HandWall()
    async with bus_of(broker, "feed") as feed, bus_of(broker, "recorder") as recorder:
        result = await play(feed, settings, wall=wall, stopping=wall.stopping)
        return result, await messages(recorder, "MARKET")


@pytest.mark.parametrize("speed", ["20", "max"])
async def test_every_trade_is_stored_once_in_order_between_clocks(
    broker: EmbeddedBroker, bus_of: BusOf, speed: str
):
    result, stored = await played(broker, bus_of, from_options(MINUTE | {"speed": speed}))
    next_seq = {"ES": 1, "SYNTH": 1}
    told_ns = 0
    for message in stored:
        assert message.source == "es-synth"  # type: ignore[union-attr]
        if isinstance(message, Clock):
            assert message.ts_event_ns >= told_ns
            told_ns = message.ts_event_ns
            continue
        assert isinstance(message, TickBatch)
        assert message.first_seq == next_seq[message.symbol]
        assert tick_columns(message)["ts_event_ns"][0] > told_ns
        next_seq[message.symbol] += message.count
    assert sum(next_seq.values()) - 2 == result.rows
    assert next_seq["ES"] > 1_000
    assert [message.is_final for message in stored if isinstance(message, Clock)][-2:] == [False, True]
    assert isinstance(stored[-1], Clock)
    assert result.is_whole


async def test_batches_leave_when_they_are_due_and_clocks_every_tenth_of_a_second(
    broker: EmbeddedBroker, bus_of: BusOf
):
    wall = HandWall()
    _, stored = await played(broker, bus_of, from_options(MINUTE | {"speed": "20"}), wall)
    first, *clocks = [message for message in stored if isinstance(message, Clock)]
    gaps = [
        after.ts_recv_ns - before.ts_recv_ns for before, after in zip([first, *clocks], clocks, strict=False)
    ]
    assert max(gaps) <= 100 * MILLISECOND_NS
    assert 3 * SECOND_NS <= wall.elapsed_ns <= 3 * SECOND_NS + 5 * MILLISECOND_NS
    for message in stored:
        if isinstance(message, TickBatch):
            times = tick_columns(message)["ts_event_ns"]
            due_wall = lambda ts: (int(ts) - first.ts_event_ns - 1) / 20  # noqa: E731
            waited_ns = (message.ts_recv_ns - 10**18) - due_wall(times[0])
            assert -1 <= waited_ns <= 5 * MILLISECOND_NS + 1
            assert (message.ts_recv_ns - 10**18) >= due_wall(times[-1]) - 1


async def test_a_stop_ends_with_a_final_clock_and_everything_stored(broker: EmbeddedBroker, bus_of: BusOf):
    wall = HandWall()
    wall.stop_at_ns = SECOND_NS
    result, stored = await played(broker, bus_of, from_options(MINUTE | {"speed": "20"}), wall)
    assert not result.is_whole
    assert isinstance(stored[-1], Clock)
    assert stored[-1].is_final
    assert sum(message.count for message in stored if isinstance(message, TickBatch)) == result.rows > 0
    assert wall.elapsed_ns < SECOND_NS + 60 * MILLISECOND_NS


async def test_a_second_feed_of_the_run_takes_another_name(broker: EmbeddedBroker, bus_of: BusOf):
    settings = from_options(MINUTE | {"to": "2013-09-03T10:20:02", "speed": "max"})
    first, _ = await played(broker, bus_of, settings)
    second, _ = await played(broker, bus_of, settings)
    assert (first.source, second.source) == ("es-synth", "es-synth-2")


async def test_bad_rows_are_dead_lettered_and_counted(broker: EmbeddedBroker, bus_of: BusOf, tmp_path: Path):
    path = tmp_path / "bad.csv"
    path.write_text("ts,price,size\n1,5,1\n2,0,1\n3,5,1\n2,5,1\n3,nan,1\n", encoding="utf-8")
    settings = from_options(
        {
            "source": str(path),
            "map": "ts=ts",
            "time_format": "s",
            "venue": "XNYS",
            "symbol": "KO",
            "speed": "max",
        }
    )
    result, _ = await played(broker, bus_of, settings)
    async with bus_of(broker, "recorder") as recorder:
        letters = await messages(recorder, "DEAD")
    assert (result.rows, result.problems) == (2, 3)
    assert {letter.cause for letter in letters if isinstance(letter, DeadLetter)} == {
        DeadCause.PRICE_NOT_POSITIVE,
        DeadCause.TIME_WENT_BACK,
        DeadCause.PRICE_NOT_FINITE,
    }


async def test_a_broker_that_does_not_confirm_stops_the_clock_and_loses_nothing(
    broker: EmbeddedBroker, bus_of: BusOf
):
    wall, health = HandWall(), Health()
    settings = from_options(MINUTE | {"speed": "20"})
    async with bus_of(broker, "feed") as feed, bus_of(broker, "recorder") as recorder:
        window = feed.window("MARKET")
        genuine, refused, seen_ok = window.close_window, 0, []

        async def refuses_for_a_while() -> None:
            nonlocal refused
            if 5 <= refused < 15:
                seen_ok.append(health.is_ok)
                refused += 1
                raise NotAcked("MARKET", subjects.CLOCK, 3, "no answer")
            refused += 1
            await genuine()

        window.close_window = refuses_for_a_while  # type: ignore[method-assign]
        result = await play(feed, settings, wall=wall, stopping=wall.stopping, health=health)
        stored = await messages(recorder, "MARKET")
    assert seen_ok == [True] + [False] * 9
    assert health.is_ok
    assert sum(message.count for message in stored if isinstance(message, TickBatch)) == result.rows


async def test_a_file_that_turns_out_unreadable_is_named_after_what_was_played_has_ended(
    broker: EmbeddedBroker, bus_of: BusOf, tmp_path: Path
):
    path = tmp_path / "long.csv"
    lines = [f"{time},5,1\n" for time in range(200_000)]
    path.write_text("ts,price,size\n" + "".join(lines) + "200000,oops,1\n", encoding="utf-8")
    settings = from_options(
        {
            "source": str(path),
            "map": "ts=ts",
            "time_format": "us",
            "venue": "XNYS",
            "symbol": "KO",
            "speed": "max",
        }
    )
    async with bus_of(broker, "feed") as feed, bus_of(broker, "recorder") as recorder:
        with pytest.raises(SourceInvalid, match="line 200002, column 'price' is 'oops'"):
            await play(feed, settings, wall=HandWall())
        last = await recorder.last_message("MARKET", subjects.CLOCK)
    assert last is not None
    assert codec.decode(Clock, last.payload).is_final
