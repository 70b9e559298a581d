"""The command ``penstock prove``."""

import json

import click

from services.cli.options import as_json


@click.command()
@click.argument("name", default="list")
@click.option("--size", type=click.Choice(["S", "L"], case_sensitive=False), default="S", show_default=True,
              help="S takes a minute or so; L is for releases.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of what is tried.")
@as_json
def prove(name: str, *, size: str, seed: int, as_json: bool) -> None:
    """Try to break one of the promises, and say whether it holds; without a name it lists the proofs.

    Says what it will try, shows progress, and prints its figure last. Ends with status 0 where the promise
    holds and 1 where it does not. The same size and seed try the same things.

    \b
    Example:
      penstock prove gate --size L --seed 7
    """
    from services.cli.trouble import Unknown
    from services.prove import registry

    if name == "list":
        for each in registry.names():
            summary = registry.load(each).SUMMARY
            click.echo(
                json.dumps({"proof": each, "summary": summary}) if as_json else f"{each:<20} {summary}"
            )
        return
    if name not in registry.names():
        raise Unknown("proof", name, [*registry.names(), "list"])
    _prove(name, size.upper(), seed, as_json=as_json)


def _prove(name: str, size: str, seed: int, *, as_json: bool) -> None:
    import msgspec

    from services.prove import registry

    proof = registry.load(name)
    click.echo(f"{name}: {proof.SUMMARY}", err=as_json)
    result = proof.prove("L" if size == "L" else "S", seed, lambda line: click.echo(f"  {line}", err=as_json))
    if as_json:
        click.echo(msgspec.json.encode(result).decode())
    else:
        click.echo(f"{name}: {'holds' if result.passed else 'DOES NOT HOLD'}: {result.figure}")
    if not result.passed:
        raise SystemExit(1)
