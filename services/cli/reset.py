"""The command ``penstock reset``."""

import click

from services.cli.operators import command_the_gate, operator_options
from services.cli.options import as_json, home_option
from services.kit.layout import Home


@click.command()
@operator_options
@home_option
@as_json
def reset(home: Home, /, *, operator: str, reason: str, as_json: bool) -> None:
    """Ask that trading be ACTIVE again after a kill or a reduce; it takes two operators.

    The first operator's reset waits for the second's, which must follow within the time that the limits
    file gives. It is refused too soon after the kill, for the same operator twice, and when it expired.

    \b
    Example:
      penstock reset --as operator1 --reason "the feed is checked"
    """
    command_the_gate(home, "reset", operator, reason, as_json=as_json)
