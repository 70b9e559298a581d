"""The command ``penstock schema``."""

import inspect
import json

import click

from services.cli.options import as_json
from services.cli.trouble import Unknown


@click.command()
@click.argument("name", required=False)
@as_json
def schema(name: str | None, *, as_json: bool) -> None:
    """Print the JSON Schema of a message, or list the messages.

    Schemas are generated from the structs that travel on the bus. NAME is a message and its version,
    such as verdict.v1; the version may be left out.

    \b
    Example:
      penstock schema intent
    """
    from contracts.catalogue import BY_TAG
    from contracts.schemas import rendered

    if name is not None:
        tag = name if name in BY_TAG else f"{name}.v1"
        if tag not in BY_TAG:
            raise Unknown("schema", name, BY_TAG)
        click.echo(rendered(BY_TAG[tag]), nl=False)
        return
    summaries = {tag: _summary(BY_TAG[tag]) for tag in sorted(BY_TAG)}
    if as_json:
        click.echo(json.dumps([{"name": tag, "summary": text} for tag, text in summaries.items()], indent=2))
        return
    width = max(map(len, summaries))
    for tag, text in summaries.items():
        click.echo(f"{tag:<{width}}  {text}")


def _summary(message_type: type) -> str:
    return (inspect.getdoc(message_type) or "").partition("\n")[0]
