"""The command ``penstock watch``."""

import click

from services.cli.options import as_json, home_option
from services.kit.layout import Home


@click.command()
@click.argument("what", metavar="[SUBJECT]", default="verdicts")
@click.option("--count", type=click.IntRange(min=1), help="Stop after N messages.")
@home_option
@as_json
def watch(home: Home, /, what: str, *, count: int | None, as_json: bool) -> None:
    """Show messages as they pass, decoded; verdicts unless told otherwise. Ctrl-C ends it.

    SUBJECT is a word (verdicts, intents, trades, quotes, bars, features, breakers, states, commands,
    answers, beats, dead, everything) or a NATS subject, with * and > as wildcards. It looks with the
    viewer's credential, which can publish nothing. What passes too fast for the terminal is left out
    and counted.

    \b
    Example:
      penstock watch breakers
    """
    from services.cli.options import the_live
    from services.cli.stopping import Interrupted, run_until_stopped
    from services.cli.watching import subjects_of, watch_live

    wanted = subjects_of(what)
    stack = the_live(home)
    try:
        run_until_stopped(watch_live(stack, wanted, count, as_json=as_json))
    except Interrupted:
        raise SystemExit(130) from None
