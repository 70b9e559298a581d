"""The command ``penstock reduce``."""

import click

from services.cli.operators import command_the_gate, operator_options
from services.cli.options import as_json, home_option
from services.kit.layout import Home


@click.command()
@operator_options
@home_option
@as_json
def reduce(home: Home, /, *, operator: str, reason: str, as_json: bool) -> None:
    """Let only pass what brings exposure nearer to flat, until a reset by two operators.

    A milder step than a kill: what is held can still be closed, and nothing can grow. Like a kill it
    outlives a restart.

    \b
    Example:
      penstock reduce --as operator1 --reason "before the announcement"
    """
    command_the_gate(home, "reduce", operator, reason, as_json=as_json)
