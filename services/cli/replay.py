"""The command ``penstock replay``."""

import click


@click.command()
def replay() -> None:
    """Placeholder."""
