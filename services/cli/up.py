"""The command ``penstock up``."""

from pathlib import Path

import click

from services.cli.options import home_option
from services.kit.layout import Home

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--new-run", is_flag=True, help="Begin a new run; the default resumes the current one.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Of the broker; 0: a free one.")
@click.option(
    "--metrics-port", type=click.IntRange(0, 65_500), default=0,
    help="First of consecutive Prometheus ports, one a service; 0: free ones.",
)  # fmt: skip
@click.option("--nats", "nats_url", metavar="URL", default="", help="Use this server; start none.")
@click.option(
    "--nats-monitor", metavar="URL", default="",
    help="Its monitoring address: a server that does not sync before it acknowledges is refused.",
)  # fmt: skip
@click.option(
    "--seeds", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with <principal>.nk files for a --nats server with accounts.",
)  # fmt: skip
@click.option("--limits", type=FILE, help="Risk limits (JSON) to use from now on.")
@click.option("--instruments", type=FILE, help="Instruments (JSON) to use from now on.")
@click.option("--cards", type=FILE, help="Strategy cards (JSON) to use from now on.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@home_option
def up(
    home: Home,
    /,
    *,
    new_run: bool,
    port: int,
    metrics_port: int,
    nats_url: str,
    nats_monitor: str,
    seeds: Path | None,
    limits: Path | None,
    instruments: Path | None,
    cards: Path | None,
    log_level: str,
) -> None:
    """Start the broker, recorder, gate, features and strategies, and keep them up until Ctrl-C.

    Resumes the home's current run with all its data, or begins one. Nothing is decided until something
    feeds it: `penstock feed` in another window plays real ticks. A service or a broker that dies is
    reported and brought back a few times; after that everything stops, with status 1.

    \b
    Example:
      penstock up --new-run --limits my-limits.json
    """
    from services.cli.program import program_on
    from services.cli.stack import StackOptions, ground_of
    from services.cli.stopping import Interrupted, run_until_stopped
    from services.cli.uptime import stay_up
    from services.kit.run_files import ConfigFiles

    if nats_monitor and not nats_url:
        raise click.UsageError("--nats-monitor is about a server of yours; name it with --nats URL")
    options = StackOptions(
        new_run=new_run,
        nats_url=nats_url,
        nats_monitor=nats_monitor,
        seeds=seeds,
        config=ConfigFiles(limits=limits, instruments=instruments, cards=cards),
        port=port,
        metrics_port=metrics_port,
        log_level=log_level,
    )
    with ground_of(home, options, click.echo) as ground:
        try:
            run_until_stopped(stay_up(ground))
        except Interrupted:
            click.echo(f'stopped; the run is kept: {program_on(home)} query --run {ground.run.run_id} "…"')
