"""The command ``penstock clean``."""

import shutil

import click

from services.cli.options import home_option
from services.cli.trouble import Trouble, Unknown
from services.kit.folders import folder_bytes, people_bytes
from services.kit.layout import Home, Run
from services.kit.lock import HomeLock, is_held

KEEP_RUNS = 5


@click.command()
@click.argument("run_ids", metavar="[RUN]...", nargs=-1)
@click.option(
    "--keep", type=click.IntRange(min=0), help=f"Remove all but the newest N (default {KEEP_RUNS})."
)
@click.option("--all", "everything", is_flag=True, help="Remove every run.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
def clean(home: Home, /, run_ids: tuple[str, ...], *, keep: int | None, everything: bool, yes: bool) -> None:
    """Remove old runs with their journals, and say what goes and how much that is.

    Takes the runs that are named, or all but the newest ones. The run of a stack that is up is never
    removed. What is removed cannot be replayed or queried any more.

    \b
    Example:
      penstock clean --keep 3
    """
    if sum([bool(run_ids), keep is not None, everything]) > 1:
        raise click.UsageError("name runs, or say --keep N, or say --all: one of the three")
    chosen = _chosen(home, run_ids, 0 if everything else KEEP_RUNS if keep is None else keep)
    if is_held(home.lock):
        chosen = _without_live(home, chosen, named=bool(run_ids))
        _remove(chosen, yes=yes)
    else:
        with HomeLock(home.lock):  # a stack must not come up on what is being removed
            _remove(chosen, yes=yes)


def _chosen(home: Home, run_ids: tuple[str, ...], keep: int) -> list[Run]:
    known = home.run_ids()
    for run_id in run_ids:
        if run_id not in known:
            raise Unknown("run", run_id, known)
    return [home.run(run_id) for run_id in run_ids or known[: max(len(known) - keep, 0)]]


def _without_live(home: Home, chosen: list[Run], *, named: bool) -> list[Run]:
    current = home.current_run()
    kept = [run for run in chosen if current is None or run.run_id != current.run_id]
    if named and len(kept) < len(chosen):
        assert current is not None
        raise Trouble(f"run {current.run_id} is up and stays; stop its stack first")
    return kept


def _remove(chosen: list[Run], *, yes: bool) -> None:
    if not chosen:
        click.echo("nothing to remove")
        return
    sizes = {run.run_id: folder_bytes(run.directory) for run in chosen}
    for run in chosen:
        click.echo(f"{run.run_id}  {people_bytes(sizes[run.run_id]):>9}  {run.directory}")
    total = people_bytes(sum(sizes.values()))
    if not yes:
        click.confirm(f"Remove {len(chosen)} run(s), {total}?", abort=True)
    for run in chosen:
        shutil.rmtree(run.directory)
    click.echo(f"removed {len(chosen)} run(s), {total}")
