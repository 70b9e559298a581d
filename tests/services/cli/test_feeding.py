"""What a feed takes for its stack. See services/cli/feeding.py."""

import asyncio

from msgspec.structs import replace

from services.cli import feeding
from services.kit import live
from services.kit.layout import Home
from services.kit.live import Live
from services.kit.lock import HomeLock

STACK = Live(
    pid=1, run_id="run", nats_url="", monitor_url="", broker_pid=7, seeds="", metrics_ports={},
    ts_started_ns=1,
)  # fmt: skip


async def is_gone(home: Home) -> bool:
    """Whether a feed into ``STACK`` would end now."""
    looking = asyncio.create_task(feeding._until_gone(home, STACK))
    await asyncio.sleep(0)
    done = looking.done()
    looking.cancel()
    return done


async def test_a_feed_goes_on_over_a_broker_that_was_started_again_and_ends_with_its_stack(tmp_path):
    home = Home(tmp_path)
    with HomeLock(home.lock):
        live.write(home, STACK)
        assert not await is_gone(home)
        live.write(home, replace(STACK, broker_pid=8))
        assert not await is_gone(home)
        live.write(home, replace(STACK, ts_started_ns=2))
        assert await is_gone(home)
    assert await is_gone(home)
