"""The commands, assembled."""

from pathlib import Path

import click

from services.cli.bench import bench
from services.cli.clean import clean
from services.cli.demo.command import demo
from services.cli.doctor import doctor
from services.cli.feed import feed
from services.cli.group import Group
from services.cli.kill import kill
from services.cli.options import DEFAULT_HOME
from services.cli.prove import prove
from services.cli.query import query
from services.cli.reduce import reduce
from services.cli.replay import replay
from services.cli.reset import reset
from services.cli.runs import runs
from services.cli.schema import schema
from services.cli.status import status
from services.cli.up import up
from services.cli.watch import watch
from services.kit.run_files import installed_version


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="PENSTOCK_HOME",
    help=f"The folder of all runs (default {DEFAULT_HOME}, or PENSTOCK_HOME).",
)
@click.version_option(installed_version(), prog_name="penstock")
def app(home: Path | None) -> None:
    """Decide on market data, and be able to replay it.

    Ticks become features, strategies propose intents, a deterministic gate decides; all of it is recorded
    and replays to the same hash. Nothing here places an order.

    \b
    First steps:
      penstock demo          see the whole chain decide, in about a minute
      penstock up            start the stack; then, in another window:
      penstock feed          play real ticks into it
      penstock watch         see the verdicts
      penstock query "select outcome, code, count(*) from verdicts group by all"
    """


for command in (
    demo, up, feed, watch, status, query, replay, runs, kill, reduce, reset, schema, doctor, clean, bench,
    prove,
):  # fmt: skip
    app.add_command(command)
