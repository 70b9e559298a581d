"""The command ``penstock runs``."""

import json

import click

from services.cli.options import as_json, home_option
from services.kit import live
from services.kit.folders import folder_bytes, people_bytes
from services.kit.layout import Home


@click.command()
@home_option
@as_json
def runs(home: Home, /, *, as_json: bool) -> None:
    """List the runs of the home, the newest last, with their size.

    A run is one continuous timeline: one broker, one chain of verdicts, one journal. The current one is
    what `penstock up` resumes.

    \b
    Example:
      penstock runs
    """
    current, stack = home.current_run(), live.running(home)
    rows = [
        {
            "run_id": run_id,
            "is_current": current is not None and current.run_id == run_id,
            "is_live": stack is not None and stack.run_id == run_id,
            "bytes": folder_bytes(home.run(run_id).directory),
            "directory": str(home.run(run_id).directory),
        }
        for run_id in home.run_ids()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo(f"{home.directory} has no run yet; `penstock demo` or `penstock up` makes one")
    for row in rows:
        marks = [word for word, on in (("current", row["is_current"]), ("live", row["is_live"])) if on]
        click.echo(f"{row['run_id']}  {people_bytes(int(str(row['bytes']))):>9}  {' '.join(marks)}".rstrip())
