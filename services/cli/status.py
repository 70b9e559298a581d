"""The command ``penstock status``."""

import asyncio

import click
import msgspec

from services.cli.options import as_json, home_option
from services.kit import live
from services.kit.layout import Home


@click.command()
@home_option
@as_json
def status(home: Home, /, *, as_json: bool) -> None:
    """Show what runs: services, trading state, breakers, streams and lag; with the stack down, what is kept.

    Services are judged by their heartbeats: one that is not heard for a second is shown as silent. Of a
    stack that is down it tells the current run's gate as its journal leaves it.

    \b
    Example:
      penstock status --json
    """
    from services.cli.standing_report import report_down, report_up, told

    stack = live.running(home)
    report = asyncio.run(report_up(home, stack)) if stack else report_down(home)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        for line in told(report):
            click.echo(line)
