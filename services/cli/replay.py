"""The command ``penstock replay``."""

import click

from services.cli.options import as_json, home_option, the_run
from services.kit.layout import Home


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--verify", is_flag=True, help="End with status 1 where anything differs from the record.")
@click.option(
    "--allow-incomplete", is_flag=True, help="With --verify: also accept a run that did not stop cleanly."
)
@click.option("--speed", default="max", show_default=True, help="Times real time, such as 20, or max.")
@click.option("--from", "from_time", default="", help="Compare from this event time on (ISO 8601, UTC).")
@click.option("--to", "to_time", default="", help="Compare up to this event time, exclusive.")
@click.option("--batch", type=click.IntRange(min=0), default=0, help="Rows a batch; 0: as recorded.")
@home_option
@as_json
def replay(
    home: Home,
    /,
    *,
    run_id: str | None,
    verify: bool,
    allow_incomplete: bool,
    speed: str,
    from_time: str,
    to_time: str,
    batch: int,
    as_json: bool,
) -> None:
    """Make a recorded run again from its ticks, commands and clock, and compare it with its record.

    Bars, features, intents and verdicts are computed in a fresh process that is given the inputs alone;
    the recorded outputs are read when it has ended. Prints both hashes of every stream and names the first
    difference. Without RUN it takes the current run.

    A run that did not stop cleanly is incomplete: what is there can be compared, but nothing says that it
    is all. --verify then ends with status 1 unless --allow-incomplete is given.

    \b
    Example:
      penstock replay --verify
    """
    from services.cli.replaying import options_of, replay_run

    run = the_run(home, run_id)
    found = replay_run(run, options_of(speed, from_time, to_time, batch), as_json=as_json)
    is_enough = allow_incomplete or not found.incomplete
    if verify and not (found.passed and is_enough):
        raise SystemExit(1)
