"""What every test may ask for: a real broker of its own, and connections to it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from services.kit.broker import EmbeddedBroker
from streams.bus import Bus

# A shared machine may stop for a second; what a property takes is no part of the property.
settings.register_profile("penstock", deadline=None)
settings.load_profile("penstock")

BusOf = Callable[[EmbeddedBroker, str], AbstractAsyncContextManager[Bus]]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A running, provisioned broker in a directory of this test alone."""
    with EmbeddedBroker(tmp_path / "run") as running:
        yield running


@pytest.fixture
def bus_of() -> BusOf:
    """``async with bus_of(broker, "gate") as bus``: a connection with one principal's own key."""

    @asynccontextmanager
    async def connect(broker: EmbeddedBroker, principal: str) -> AsyncIterator[Bus]:
        async with Bus.connect(broker.settings_of(principal)) as bus:
            yield bus

    return connect
