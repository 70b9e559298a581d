"""Ordered reading through whatever happens to the broker. See streams/bus/reader.py."""

import asyncio

import pytest

from contracts import subjects
from services.kit.broker import EmbeddedBroker
from streams.bus import Bus, Denied, StreamMissing, Unreachable
from streams.bus.specs import MARKET, VERDICTS

ES, NQ = subjects.trade("CME", "ES"), subjects.trade("CME", "NQ")


async def fill(bus: Bus, first: int, last: int, *, symbols: tuple[str, ...] = (ES,)) -> None:
    window = bus.window(MARKET)
    for number in range(first, last + 1):
        await window.publish(symbols[number % len(symbols)], b"%d" % number)
    await window.close_window()


async def collect(batches) -> list[int]:
    return [int(message.payload) async for batch in batches for message in batch]


async def test_reads_from_a_position_to_an_end_in_batches(broker, bus_of):
    async with bus_of(broker, "feed") as feed, bus_of(broker, "features") as bus:
        await fill(feed, 1, 100)
        batches = [batch async for batch in bus.read(MARKET, start_seq=11, batch_max=7, stop_after=90)]
        messages = [message for batch in batches for message in batch]
        assert [message.stream_seq for message in messages] == list(range(11, 91))
        assert max(len(batch) for batch in batches) <= 7
        first = messages[0]
        assert (first.subject, first.payload, first.stream, first.deliveries) == (ES, b"11", MARKET, 1)
        assert first.ts_store_ns > 1_700_000_000_000_000_000


async def test_an_end_that_is_not_reached_yet_is_waited_for(broker, bus_of):
    async with bus_of(broker, "feed") as feed, bus_of(broker, "features") as bus:
        await fill(feed, 1, 5)
        reading = asyncio.create_task(collect(bus.read(MARKET, stop_after=10)))
        await fill(feed, 6, 12)
        assert await reading == list(range(1, 11))


async def test_follows_new_messages_until_it_is_left(broker, bus_of):
    async with bus_of(broker, "feed") as feed, bus_of(broker, "features") as bus:
        await fill(feed, 1, 3)
        seen: list[int] = []
        async for batch in bus.read(MARKET):
            seen += [int(message.payload) for message in batch]
            if seen[-1] == 3:
                await fill(feed, 4, 6)
            if seen[-1] == 6:
                break
        assert seen == [1, 2, 3, 4, 5, 6]


async def test_a_filter_gives_only_its_subjects_and_still_ends(broker, bus_of):
    async with bus_of(broker, "feed") as feed, bus_of(broker, "features") as bus:
        await fill(feed, 1, 21, symbols=(ES, NQ))
        assert await collect(bus.read(MARKET, subjects=(ES,), stop_after=21)) == list(range(2, 21, 2))
        assert await collect(bus.read(MARKET, subjects=(ES, NQ), stop_after=21)) == list(range(1, 22))
        assert await collect(bus.read(MARKET, subjects=(subjects.CLOCK,), stop_after=21)) == []
        assert bus.counters.gaps == 0


async def test_ends_where_all_that_its_filter_gives_lies_behind_the_end(broker, bus_of):
    async with bus_of(broker, "feed") as feed, bus_of(broker, "features") as bus:
        await fill(feed, 1, 3, symbols=(NQ, ES))  # ES, NQ, ES
        assert await collect(bus.read(MARKET, start_seq=2, subjects=(ES,), stop_after=2)) == []


async def test_reading_nothing_ends_at_once(broker, bus_of):
    async with bus_of(broker, "features") as bus:
        assert await collect(bus.read(MARKET, stop_after=0)) == []


async def test_a_consumer_that_vanishes_is_made_again_at_the_next_message(broker, bus_of):
    async with (
        bus_of(broker, "feed") as feed,
        bus_of(broker, "features") as bus,
        bus_of(broker, "admin") as admin,
    ):
        await fill(feed, 1, 10)
        seen: list[int] = []
        async for batch in bus.read(MARKET, stop_after=20):
            seen += [int(message.payload) for message in batch]
            if seen[-1] == 10:
                names = (await admin.api(f"$JS.API.CONSUMER.NAMES.{MARKET}", {}))["consumers"]
                for name in names:
                    await admin.api(f"$JS.API.CONSUMER.DELETE.{MARKET}.{name}", {})
                await fill(feed, 11, 20)
        assert seen == list(range(1, 21))
        assert bus.counters.recreations == 1
        assert bus.counters.gaps == 0


async def test_a_lost_delivery_is_fetched_again(broker, bus_of, monkeypatch):
    async with bus_of(broker, "feed") as feed, bus_of(broker, "features") as bus:
        await fill(feed, 1, 50)
        link, subscribe = bus._link, bus._link.subscribe
        count = 0

        async def losing(subject, callback, **options):
            def lose_the_thirtieth(raw):
                nonlocal count
                count += 1
                if count != 30:
                    callback(raw)

            return await subscribe(subject, lose_the_thirtieth, **options)

        monkeypatch.setattr(link, "subscribe", losing)
        assert await collect(bus.read(MARKET, stop_after=50)) == list(range(1, 51))
        assert bus.counters.recreations == 1


@pytest.mark.parametrize("is_crash", [True, False])
async def test_a_restart_of_the_broker_costs_no_message_and_repeats_none(broker, bus_of, is_crash):
    async with bus_of(broker, "gate") as gate, bus_of(broker, "recorder") as recorder:
        subject = subjects.verdict("trend", "ES")
        seen: list[int] = []
        half = asyncio.Event()

        async def read() -> None:
            async for batch in recorder.read(VERDICTS, stop_after=60):
                seen.extend(int(message.payload) for message in batch)
                if len(seen) >= 30:
                    half.set()

        async def write(first: int, last: int) -> None:
            for number in range(first, last + 1):
                await gate.publish_acked(
                    subject, b"%d" % number, msg_id=str(number), stream=VERDICTS, attempts=50
                )

        reading = asyncio.create_task(read())
        await write(1, 30)
        await half.wait()
        broker.kill() if is_crash else broker.stop()
        broker.start()
        await write(31, 60)
        await reading
        assert seen == list(range(1, 61))
        assert recorder.counters.reconnects == 1
        assert recorder.counters.gaps == 0


async def test_what_the_stream_discarded_is_counted_not_skipped_in_silence(tmp_path, bus_of):
    with EmbeddedBroker(tmp_path / "small", max_file_bytes=8 * 1024**2) as broker:
        async with bus_of(broker, "feed") as feed, bus_of(broker, "features") as bus:
            window = feed.window(MARKET)
            for number in range(1, 401):
                await window.publish(ES, (b"%d" % number).ljust(20_000))
            await window.close_window()
            state = await bus.stream_state(MARKET)
            assert state.first_seq > 1
            seen = await collect(bus.read(MARKET, stop_after=400))
            assert seen == list(range(state.first_seq, 401))
            assert bus.counters.gaps == state.first_seq - 1


async def test_closing_the_bus_ends_a_read(broker, bus_of):
    async with bus_of(broker, "features") as bus:
        reading = asyncio.create_task(collect(bus.read(MARKET)))
        await bus.stream_state(MARKET)
    with pytest.raises(Unreachable, match="this connection is closed"):
        await reading


async def test_a_stream_that_is_missing_or_forbidden_is_said_at_once(broker, bus_of):
    async with bus_of(broker, "admin") as admin, bus_of(broker, "feed") as feed:
        with pytest.raises(StreamMissing):
            await collect(admin.read("NOPE"))
        with pytest.raises(Denied):
            await collect(feed.read(VERDICTS))
