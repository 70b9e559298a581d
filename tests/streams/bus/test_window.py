"""Publish windows: whatever is lost on the way, the stream holds everything once, in order."""

import random

import pytest

from contracts import subjects
from streams.bus import NotAcked
from streams.bus.specs import MARKET

SUBJECT = subjects.trade("CME", "ES")


async def stored(bus, last_seq: int) -> list[bytes]:
    if not last_seq:
        return []
    return [m.payload async for batch in bus.read(MARKET, stop_after=last_seq) for m in batch]


def lose(bus, numbers: set[int], monkeypatch) -> None:
    """Lose these core publishes of the connection, counted from 1, as a dying socket would."""
    link, publish = bus._link, bus._link.publish
    count = 0

    async def losing(subject, payload, reply="", headers=None):
        nonlocal count
        if subject == SUBJECT and not reply:
            count += 1
            if count in numbers:
                return
        await publish(subject, payload, reply, headers)

    monkeypatch.setattr(link, "publish", losing)


async def test_every_size_th_message_proves_those_before_it(broker, bus_of):
    async with bus_of(broker, "feed") as bus, bus_of(broker, "viewer") as viewer:
        window = bus.window(MARKET, size=4)
        for number in range(10):
            await window.publish(SUBJECT, b"%d" % number)
        assert (window.last_seq, window.unproved) == (8, 2)
        await window.close_window()
        assert (window.last_seq, window.unproved) == (10, 0)
        assert await stored(viewer, 10) == [b"%d" % number for number in range(10)]
        assert bus.counters.healed == 0


async def test_closing_twice_sends_nothing(broker, bus_of):
    async with bus_of(broker, "feed") as bus:
        window = bus.window(MARKET, size=4)
        await window.publish(SUBJECT, b"1")
        await window.close_window()
        await window.close_window()
        assert (await bus.stream_state(MARKET)).last_seq == 1


@pytest.mark.parametrize("lost", [{1}, {2}, {7}, {1, 2, 3}, {4, 6}, {15}, set(range(1, 21))])
async def test_a_hole_is_mended_in_order(broker, bus_of, monkeypatch, lost):
    async with bus_of(broker, "feed") as bus, bus_of(broker, "viewer") as viewer:
        lose(bus, lost, monkeypatch)
        window = bus.window(MARKET, size=8)
        for number in range(20):
            await window.publish(SUBJECT, b"%d" % number)
        await window.close_window()
        state = await viewer.stream_state(MARKET)
        assert (state.last_seq, state.messages) == (20, 20)
        assert await stored(viewer, 20) == [b"%d" % number for number in range(20)]
        assert bus.counters.healed > 0
        assert not window.is_shared


@pytest.mark.parametrize("seed", range(4))
async def test_random_holes_over_many_windows_are_mended(broker, bus_of, monkeypatch, seed):
    choices = random.Random(seed)
    async with bus_of(broker, "feed") as bus, bus_of(broker, "viewer") as viewer:
        lose(bus, {number for number in range(1, 200) if choices.random() < 0.05}, monkeypatch)
        window = bus.window(MARKET, size=choices.randint(2, 32))
        for number in range(150):
            await window.publish(SUBJECT, b"%d" % number)
        await window.close_window()
        assert await stored(viewer, 150) == [b"%d" % number for number in range(150)]


async def test_two_writers_of_one_stream_lose_nothing(broker, bus_of):
    async with (
        bus_of(broker, "feed") as one,
        bus_of(broker, "feed") as two,
        bus_of(broker, "viewer") as viewer,
    ):
        windows = [one.window(MARKET, size=4), two.window(MARKET, size=4)]
        for number in range(40):
            await windows[number % 2].publish(SUBJECT, b"%d" % number)
        for window in windows:
            await window.close_window()
        assert any(window.is_shared for window in windows)
        everything = await stored(viewer, 40)
        for writer in (0, 1):
            own = [payload for payload in everything if int(payload) % 2 == writer]
            assert own == [b"%d" % number for number in range(writer, 40, 2)]


async def test_a_window_survives_a_restart_of_the_broker(broker, bus_of):
    async with bus_of(broker, "feed") as bus, bus_of(broker, "viewer") as viewer:
        window = bus.window(MARKET, size=8)
        for number in range(12):
            await window.publish(SUBJECT, b"%d" % number)
        broker.stop()
        broker.start()
        for number in range(12, 30):
            await window.publish(SUBJECT, b"%d" % number)
        await window.close_window()
        assert await stored(viewer, 30) == [b"%d" % number for number in range(30)]


async def test_a_window_that_could_not_be_proved_stays_open(broker, bus_of, monkeypatch):
    async with bus_of(broker, "feed") as bus, bus_of(broker, "viewer") as viewer:
        window = bus.window(MARKET, size=8)
        await window.publish(SUBJECT, b"0")
        with monkeypatch.context() as broken:

            async def refuse(*arguments):
                raise NotAcked(MARKET, SUBJECT, 3, "the disk is full")

            broken.setattr(window, "_store_one", refuse)
            with pytest.raises(NotAcked, match="the disk is full"):
                await window.close_window()
        assert window.unproved == 1
        await window.close_window()
        assert await stored(viewer, 1) == [b"0"]


async def test_a_bus_has_one_window_into_a_stream(broker, bus_of):
    async with bus_of(broker, "feed") as bus:
        assert bus.window(MARKET, size=8) is bus.window(MARKET, size=8)
        with pytest.raises(ValueError, match="has size 8, asked for 16"):
            bus.window(MARKET, size=16)
        with pytest.raises(ValueError, match="expected 1 or more"):
            bus.window("NEWS", size=0)
