"""What ``penstock up`` does while it is up: start, say how to go on, watch."""

import click

from services.cli.program import program_on
from services.cli.stack import Ground, services_on
from services.kit.supervisor import Event

MARKS = {"ready": "ok", "died": "!!", "killed": "!!", "ended": "ok"}


async def stay_up(ground: Ground) -> None:
    """Start the services and watch them. Returns never; raises ServiceFailed."""
    click.echo(f"run {ground.run.run_id} on {ground.live.nats_url}")
    async with services_on(ground, tell) as stack:
        for line in _how_to_go_on(ground):
            click.echo(line)
        await stack.supervisor.watch()


def tell(event: Event) -> None:
    """One line of what happened to a service."""
    mark = MARKS.get(event.kind, "..")
    click.echo(f"  {mark} {event.service:<9} {event.kind} {event.text}".rstrip())


def _how_to_go_on(ground: Ground) -> list[str]:
    ports = ground.live.metrics_ports
    metrics = " ".join(f"{service} :{port}" for service, port in ports.items())
    penstock = program_on(ground.home)
    return [
        f"broker   {ground.live.nats_url}  monitoring {ground.live.monitor_url or 'of that server'}",
        f"metrics  http://127.0.0.1:PORT/metrics  {metrics}",
        f"journal  {ground.run.journal}",
        f"feed     {penstock} feed",
        f"watch    {penstock} watch        status: {penstock} status",
        "stop     Ctrl-C",
    ]
