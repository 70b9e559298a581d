"""The feed's source name. See services/feed/naming.py."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec, subjects
from contracts.market import Clock, Source
from services.feed.naming import base_name, claim, next_name
from services.kit.broker import EmbeddedBroker
from tests.conftest import BusOf

NAMES = st.lists(
    st.sampled_from(["es", "synth", "my-trades-2024"]) | st.text("abcZ0123456789-.", min_size=1, max_size=64),
    min_size=1,
    max_size=4,
)


@given(NAMES, st.integers(1, 30))
def test_every_feed_of_a_run_has_a_name_that_none_had_before(names: list[str], feeds: int):
    seen: list[str] = []
    for number in range(feeds):
        base = base_name((names[number % len(names)],))
        seen.append(next_name(base, seen[-1] if seen else None))
    assert len(set(seen)) == feeds
    for name in seen:
        msgspec.convert(name, Source)


def test_the_first_feed_is_named_for_its_sources():
    assert base_name(("ES", "synth")) == "es-synth"
    assert next_name("es", None) == "es"
    assert next_name("synth", "es") == "synth-2"
    assert next_name("es", "synth-2") == "es-3"


async def test_a_feed_that_starts_over_takes_the_next_name(broker: EmbeddedBroker, bus_of: BusOf):
    async with bus_of(broker, "feed") as bus:
        assert await claim(bus, "es", 500, 1, "a") == "es"
        assert await claim(bus, "es", 500, 2, "b") == "es-2"
        last = await bus.last_message("MARKET", subjects.CLOCK)
    assert last is not None
    clock = codec.decode(Clock, last.payload)
    assert (clock.source, clock.ts_event_ns, clock.is_final) == ("es-2", 499, False)


async def test_two_feeds_that_start_together_take_two_names(broker: EmbeddedBroker, bus_of: BusOf):
    async with bus_of(broker, "feed") as first, bus_of(broker, "feed") as second:
        genuine = second.last_message
        rivals: list[str] = []

        async def last_message_before_a_rival(stream: str, subject: str):  # type: ignore[no-untyped-def]
            found = await genuine(stream, subject)
            if not rivals:
                rivals.append(await claim(first, "es", 500, 1, "a"))
            return found

        second.last_message = last_message_before_a_rival  # type: ignore[method-assign]
        assert await claim(second, "es", 500, 1, "b") == "es-2"
    assert rivals == ["es"]
