"""The command ``penstock demo``."""

import click

from services.cli.options import home_option
from services.kit.layout import Home

FAST_SPEED, FAST_MINUTES = 60.0, 4.0


@click.command()
@click.option("--speed", type=click.FloatRange(0.1, 200.0), help="Times real time (default 20).")
@click.option("--minutes", type=click.FloatRange(0.1, 120.0), help="Of market time to play (default 20).")
@click.option(
    "--fast",
    is_flag=True,
    help=f"A few seconds only: {FAST_MINUTES:g} minutes at {FAST_SPEED:g}x, unless said otherwise.",
)
@home_option
def demo(home: Home, /, *, speed: float | None, minutes: float | None, fast: bool) -> None:
    """Start everything on a new run, play real trades into it, show what the gate decides, and stop.

    Plays E-mini S&P 500 trades of 2013-09-03, 10:20 to 10:40 in Chicago, at 20x, which lasts a minute.
    Beside it plays SYNTH, a seeded synthetic instrument on the restricted list, so that there is
    something to forbid. Midway a drill sends intents that nobody can read, and a circuit breaker opens.
    The summary is queried from the journal. Ctrl-C stops everything and tells what there is.

    \b
    Example:
      penstock demo --minutes 5
    """
    from services.cli.demo.play import play
    from services.cli.demo.scene import Scene

    scene = Scene(
        speed=speed or (FAST_SPEED if fast else 20.0), minutes=minutes or (FAST_MINUTES if fast else 20.0)
    )
    raise SystemExit(play(home, scene))
