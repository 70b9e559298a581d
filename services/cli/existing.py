"""An existing server instead of the embedded one: made ready for a run, or refused."""

from pathlib import Path

from services.cli.trouble import Trouble
from services.kit.layout import Run

PROVISIONER = "admin"


async def provision_existing(run: Run, url: str, seeds: Path | None) -> None:
    """Make the streams of the run on the server at ``url``.

    Whether that server syncs before it acknowledges is its owner's care: a client cannot see it.

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
