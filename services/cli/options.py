"""Options that several commands take."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click

from services.cli.trouble import Trouble, Unknown
from services.kit import live
from services.kit.layout import Home, Run
from services.kit.live import Live

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_HOME = "~/.penstock"

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")


def home_option(function: Callable[Concatenate[Home, P], R]) -> Callable[P, R]:
    """``--home`` behind the command too; the function is given the Home as its first argument."""

    @click.option(
        "--home",
        "home_folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="The folder of all runs; also before the command.",
    )
    @functools.wraps(function)
    def with_home(*args: P.args, **kwargs: P.kwargs) -> R:
        folder = kwargs.pop("home_folder", None)
        given = click.get_current_context().find_root().params.get("home")
        chosen = folder or given or Path(DEFAULT_HOME)
        assert isinstance(chosen, Path)
        return function(Home(chosen.expanduser().absolute()), *args, **kwargs)

    return with_home


def the_run(home: Home, run_id: str | None) -> Run:
    """The run of that id, or the current one. Raises Unknown or Trouble."""
    if run_id is None:
        run = home.current_run()
        if run is None:
            raise Trouble(f"{home.directory} has no run yet; `penstock demo` or `penstock up` makes one")
        return run
    if run_id not in home.run_ids():
        raise Unknown("run", run_id, home.run_ids())
    return home.run(run_id)


def the_live(home: Home) -> Live:
    """The stack that is up on the home. Raises Trouble."""
    stack = live.running(home)
    if stack is None:
        raise Trouble(f"no stack is up on {home.directory}; start one with `penstock up` in another window")
    return stack
