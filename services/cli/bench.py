"""The command ``penstock bench``."""

import click

from services.cli.options import as_json


@click.command()
@click.argument("name", default="all")
@click.argument("case", required=False)
@click.option(
    "--runs", type=click.IntRange(1, 1_000), default=5, show_default=True, help="The median counts."
)
@as_json
def bench(name: str, case: str | None, *, runs: int, as_json: bool) -> None:
    """Measure one part, or all, beside a reference in the same run; `bench list` names them.

    A reference is a published library, or the plain loop that one would write. Equal output is asserted
    before anything is timed. --json prints one object a case: bench, case, value, unit, reference,
    reference_value, ratio, runs, detail.

    \b
    Example:
      penstock bench gate core --json
    """
    from services.cli.benches import bench_names, cases_of, list_lines, told
    from services.cli.trouble import Unknown

    if name == "list":
        for line in list_lines(as_json=as_json):
            click.echo(line)
        return
    if name not in {*bench_names(), "all"}:
        raise Unknown("bench", name, [*bench_names(), "all", "list"])
    if case is not None and (name == "all" or case not in cases_of(name)):
        raise Unknown(f"case of {name}", case, cases_of(name) if name != "all" else ())
    for each in bench_names() if name == "all" else [name]:
        for chosen, measure in cases_of(each).items():
            if case in {None, chosen}:
                click.echo(f"{each} {chosen}: {runs} runs …", err=True)
                click.echo(told(measure(runs), as_json=as_json))
