"""A gate's surroundings on a broker of their own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.kit.broker import EmbeddedBroker
from services.kit.layout import Run
from services.kit.run_files import furnish
from streams.bus import Bus
from tests.services.gate.surroundings import Surroundings


@pytest.fixture
async def around(tmp_path: Path, broker: EmbeddedBroker) -> AsyncIterator[Surroundings]:
    run = Run(tmp_path / "run")
    run.create()
    furnish(run)
    names = ("feed", "predict", "recorder", "viewer", "operator1", "operator2")
    buses = {name: await Bus.open(broker.settings_of(name)) for name in names}
    surroundings = Surroundings(run, buses)
    beat = asyncio.create_task(surroundings.beat())
    yield surroundings
    beat.cancel()
    for bus in buses.values():
        await bus.close()
