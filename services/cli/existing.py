"""An existing server instead of the embedded one: made ready for a run, or refused."""

from collections.abc import Callable
from pathlib import Path

from services.cli.trouble import Trouble
from services.kit.layout import Run

PROVISIONER = "admin"


def prove_existing(url: str, monitor_url: str, say: Callable[[str], None]) -> None:
    """Prove by its monitoring page that the server syncs before it acknowledges; without one, say so.

    Raises:
        BrokerNotSynced: it acknowledges what it may still lose.
        Unreachable: its monitoring address does not answer.
    """
    from streams.bus import monitor

    if monitor_url:
        monitor.prove_synced(monitor.varz(monitor_url), url)
        return
    say(
        f"!! NOT PROVED: whether {url} writes to disk before it acknowledges; what is decided may be lost "
        f"with that machine. Give its monitoring address: --nats-monitor http://HOST:8222"
    )


async def provision_existing(run: Run, url: str, seeds: Path | None) -> None:
    """Make the streams of the run on the server at ``url``.

    Raises:
        Trouble: its streams hold another run's messages; one server serves one run.
        BusError: it is not there, or refuses.
    """
    from ops.authority.seeds import seed_path
    from ops.authority.table import INTENT_PRINCIPALS
    from streams.bus import Bus, BusSettings
    from streams.bus.provision import provision
    from streams.bus.specs import VERDICTS, durable_specs, stream_specs

    seed = seed_path(seeds, PROVISIONER).read_text(encoding="ascii").strip() if seeds else ""
    async with Bus.connect(BusSettings(url=url, name=PROVISIONER, seed=seed)) as bus:
        await provision(bus, stream_specs(INTENT_PRINCIPALS), durable_specs(INTENT_PRINCIPALS))
        answered = (await bus.stream_state(VERDICTS)).last_seq
    if answered and not (run.gate / "records.log").is_file():
        raise Trouble(
            f"the server at {url} holds {answered} verdicts of another run; resume that run, or give this "
            f"one a server of its own"
        )
