"""Connections of the command line, each with the credential of one principal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.cli.trouble import Trouble
from services.kit.live import Live

if TYPE_CHECKING:
    from streams.bus import Bus


@asynccontextmanager
async def open_bus(stack: Live, principal: str) -> AsyncIterator["Bus"]:
    """A connection to the stack's broker as ``principal``. Raises Trouble where there is no seed."""
    from streams.bus import Bus, BusSettings

    file = stack.seed_file(principal)
    if file is not None and not file.is_file():
        raise Trouble(f"{file} is missing: there is no credential of {principal!r}")
    seed = file.read_text(encoding="ascii").strip() if file else ""
    bus = await Bus.open(BusSettings(url=stack.nats_url, name=principal, seed=seed))
    try:
        yield bus
    finally:
        await bus.close()
