"""The command ``penstock query``."""

import click

from services.cli.options import as_json, home_option, the_run
from services.kit.layout import Home


@click.command()
@click.argument("sql", required=False)
@click.option("--run", "run_id", metavar="RUN", help="Which run (default: the current one).")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header.")
@home_option
@as_json
def query(home: Home, /, sql: str | None, *, run_id: str | None, as_csv: bool, as_json: bool) -> None:
    """Ask the journal of a run in SQL (DuckDB), while it is being written or later.

    Without SQL it lists the views and their columns: trades, quotes, bars, features, intents, verdicts,
    checks (one row a comparison that the gate made), breakers and others. --json prints one object a row.

    \b
    Example:
      penstock query "select strategy_id, outcome, code, count(*) from verdicts group by all"
    """
    from services.cli.asking import ask, describe_views

    if as_csv and as_json:
        raise click.UsageError("choose one of --json and --csv")
    run = the_run(home, run_id)
    if sql is None:
        describe_views(run, as_json=as_json)
    else:
        ask(run, sql, "json" if as_json else "csv" if as_csv else "text")
