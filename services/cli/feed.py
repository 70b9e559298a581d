"""The command ``penstock feed``."""

from collections.abc import Callable

import click

from services.cli.options import as_json, home_option, the_live
from services.feed.settings import OPTIONS, from_options
from services.kit.layout import Home
from services.kit.settings import SettingInvalid

DEFAULTS = {"source": "es", "speed": "1", "seed": "1", "rate": "10", "linger_ms": "5", "batch": "64"}


def _feed_options(function: Callable[..., None]) -> Callable[..., None]:
    """One command-line option for each option of the feed service."""
    for name, (_, _, expected) in reversed(OPTIONS.items()):
        default = f" (default {DEFAULTS[name]})" if name in DEFAULTS else ""
        option = click.option(
            f"--{name.replace('_', '-')}",
            f"feed_{name}",
            default="",
            help=f"{expected}{default}",
        )
        function = option(function)
    return function


@click.command()
@_feed_options
@home_option
@as_json
def feed(home: Home, /, *, as_json: bool, **options: str) -> None:
    """Play ticks into the stack that is up, paced by their event time.

    Plays the packaged E-mini S&P 500 trades in real time unless told otherwise; a file of your own needs
    --map, --venue and --symbol where its columns are named differently. Rows that cannot be used are
    dead-lettered with their cause, never mended. Ctrl-C ends it with a final clock.

    \b
    Examples:
      penstock feed --from 2013-09-03T10:20 --speed 20
      penstock feed --source my.csv --map ts=time,price=last,size=qty --venue XNYS --symbol KO --tz UTC
    """
    from services.cli.feeding import feed_live

    texts = {name.removeprefix("feed_"): text for name, text in options.items()}
    try:
        settings = from_options(texts)
    except SettingInvalid as error:
        raise click.UsageError(str(error)) from error
    if not feed_live(home, the_live(home), settings, as_json=as_json):
        raise SystemExit(130)
