"""The command ``penstock kill``."""

import click

from services.cli.operators import command_the_gate, operator_options
from services.cli.options import as_json, home_option
from services.kit.layout import Home


@click.command()
@operator_options
@home_option
@as_json
def kill(home: Home, /, *, operator: str, reason: str, as_json: bool) -> None:
    """Stop all trading now: nothing is approved after it.

    The kill is latched: it outlives a restart of everything, and only a reset by two operators lifts it.
    Where the gate is down the kill is stored, and the gate obeys it before anything else when it is back.

    \b
    Example:
      penstock kill --as operator1 --reason "the feed looks wrong"
    """
    command_the_gate(home, "kill", operator, reason, as_json=as_json)
