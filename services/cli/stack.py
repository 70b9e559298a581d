"""A stack: a home's lock, a broker, and the service processes over them.

The first half is synchronous and holds the broker; the second is asynchronous and holds the
services, so that the broker is the first to start and the last to stop.
"""

import asyncio
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from services.cli.buses import open_bus
from services.cli.existing import prove_existing, provision_existing
from services.cli.standing import killed_cause
from services.cli.trouble import Trouble
from services.kit import live
from services.kit.beats import Beats
from services.kit.layout import Home, Run
from services.kit.live import Live
from services.kit.lock import HomeLock
from services.kit.restarts import RestartPolicy
from services.kit.run_files import ConfigFiles, configure, make_current, make_run
from services.kit.settings import ServiceSettings
from services.kit.supervisor import STOP_TIMEOUT_S, Launch, Report, Serving, Supervisor, launch_of

if TYPE_CHECKING:
    from services.kit.broker import EmbeddedBroker
    from streams.bus import Bus

SERVICES = ("recorder", "gate", "features", "predict")
"""In the order of their start: each listens before those that speak to it."""

Say = Callable[[str], None]


class StackOptions(Struct, frozen=True, kw_only=True):
    """How a stack is brought up.

    Attributes:
        nats_url: An existing server instead of the embedded one; empty for the embedded one.
        nats_monitor: Its monitoring address, where it is asked whether it syncs; empty for not.
        seeds: Folder with one ``<principal>.nk`` a principal for an existing server with accounts.
        port: Of the embedded broker; 0 for a free one.
        metrics_port: The first of consecutive ports, one a service; 0 for free ones.
    """

    new_run: bool = False
    nats_url: str = ""
    nats_monitor: str = ""
    seeds: Path | None = None
    config: ConfigFiles = ConfigFiles()
    port: int = 0
    metrics_port: int = 0
    log_level: str = "info"


class Ground(Struct, frozen=True, kw_only=True):
    """What the services of a stack stand on.

    Attributes:
        broker: The embedded one; None on a server of somebody else.
    """

    home: Home
    run: Run
    live: Live
    options: StackOptions
    broker: Serving | None

    def launch(self, service: str, extra: dict[str, str] | None = None, *, is_finite: bool = False) -> Launch:
        """How a service of this stack is started."""
        settings = ServiceSettings(
            service=service,
            run_id=self.run.run_id,
            run_dir=self.run.directory,
            nats_url=self.live.nats_url,
            seed_file=self.live.seed_file(service),
            metrics_port=self.live.metrics_ports.get(service, 0),
            log_level=self.options.log_level,
        )
        return launch_of(settings, extra, is_finite=is_finite)


class _Kept:
    """The embedded broker; where it is started again the live file tells its new process."""

    def __init__(self, home: Home, stack: Live, broker: "EmbeddedBroker") -> None:
        self._home, self._stack, self._broker = home, stack, broker

    @property
    def pid(self) -> int | None:
        return self._broker.pid

    def start(self) -> None:
        self._broker.start()
        live.write(self._home, replace(self._stack, broker_pid=self._broker.pid or 0))


class _Served(NamedTuple):
    """A broker that is provisioned for the run."""

    url: str
    monitor_url: str
    seeds: Path | None
    broker: "EmbeddedBroker | None"


class Stack(Struct, frozen=True, kw_only=True):
    """A stack whose services are ready."""

    ground: Ground
    supervisor: Supervisor
    beats: Beats
    viewer: "Bus"


@contextmanager
def ground_of(home: Home, options: StackOptions, say: Say) -> Iterator[Ground]:
    """Hold the home, choose the run, and have a broker.

    Raises:
        HomeBusy: another stack is up on the home.
        ConfigInvalid, BrokerFailed, Trouble: each with one line for the person.
    """
    with HomeLock(home.lock):
        _clear_stale(home, say)
        run = _choose_run(home, options)
        with _unmade_unless_current(home, run), _broker(run, options, say) as served:
            make_current(home, run)
            broker = served.broker
            stack = Live(
                pid=os.getpid(),
                run_id=run.run_id,
                nats_url=served.url,
                monitor_url=served.monitor_url,
                broker_pid=(broker.pid or 0) if broker else 0,
                seeds=str(served.seeds) if served.seeds else "",
                metrics_ports=_metrics_ports(options.metrics_port),
                ts_started_ns=time.time_ns(),
            )
            live.write(home, stack)
            kept = _Kept(home, stack, broker) if broker else None
            try:
                yield Ground(home=home, run=run, live=stack, options=options, broker=kept)
            finally:
                live.remove(home)


@asynccontextmanager
async def services_on(
    ground: Ground,
    report: Report,
    *,
    policy: RestartPolicy | None = None,
    services: tuple[str, ...] = SERVICES,
) -> AsyncIterator[Stack]:
    """Start the services in order; on the way out stop whatever was started.

    Raises:
        ServiceFailed: one did not get ready; those before it are stopped.
    """
    beats = Beats(ground.run.run_id)
    async with open_bus(ground.live, "viewer") as viewer:
        supervisor = Supervisor(
            beats, report, policy=policy, broker=ground.broker, can_hear=lambda: viewer.is_connected
        )
        await beats.listen(viewer)
        try:
            for service in services:
                await supervisor.start(ground.launch(service))
            yield Stack(ground=ground, supervisor=supervisor, beats=beats, viewer=viewer)
        finally:
            await supervisor.stop(STOP_TIMEOUT_S)


def _clear_stale(home: Home, say: Say) -> None:
    """Deal with what a stack that did not stop cleanly left. The lock is ours, so it is gone."""
    old = live.read(home)
    if old is None:
        home.live.unlink(missing_ok=True)
        return
    if _is_broker_of(old):
        raise Trouble(
            f"the stack of pid {old.pid} is gone, but its broker (pid {old.broker_pid}) still holds the data "
            f"of run {old.run_id}; end it with `kill {old.broker_pid}` and try again"
        )
    say(f"the stack of pid {old.pid} did not stop cleanly; going on without it (run {old.run_id} is kept)")
    live.remove(home)


def _is_broker_of(old: Live) -> bool:
    if not live.is_alive(old.broker_pid):
        return False
    try:
        command = Path(f"/proc/{old.broker_pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return True  # no /proc here: two brokers on one store would be worse than a second look
    return "nats-server" in command


def _choose_run(home: Home, options: StackOptions) -> Run:
    current = home.current_run()
    if current is None:
        return make_run(home, options.config, time.time_ns())
    if not options.new_run:
        configure(current, options.config)
        return current
    if cause := killed_cause(current):
        raise Trouble(
            f"run {current.run_id} is killed ({cause}), and a new run would forget it; bring it up with "
            f"`penstock up` and reset it: `penstock reset --as OPERATOR --reason …`, by two operators"
        )
    return make_run(home, options.config, time.time_ns())


@contextmanager
def _unmade_unless_current(home: Home, run: Run) -> Iterator[None]:
    """A run whose broker never came up holds nothing: it goes, and the one before it stays current."""
    try:
        yield
    finally:
        if home.current_run() != run:
            shutil.rmtree(run.directory)


@contextmanager
def _broker(run: Run, options: StackOptions, say: Say) -> Iterator[_Served]:
    """A broker for the run, proved to sync before it acknowledges, or said not to be."""
    from ops.authority.table import INTENT_PRINCIPALS
    from services.kit.broker import EmbeddedBroker
    from streams.strategies import STRATEGIES

    if options.nats_url:
        prove_existing(options.nats_url, options.nats_monitor, say)
        asyncio.run(provision_existing(run, options.nats_url, options.seeds))
        yield _Served(options.nats_url, options.nats_monitor, options.seeds, None)
        return
    # A rule is one file: the permission to propose for it comes with being found.
    proposing = INTENT_PRINCIPALS | {"predict": tuple(STRATEGIES)}
    with EmbeddedBroker(run.directory, port=options.port, strategies=proposing) as broker:
        yield _Served(broker.url, broker.monitor_url, run.seeds, broker)


def _metrics_ports(first: int) -> dict[str, int]:
    """A loopback port for each service, checked to be free just now. Raises Trouble."""
    wanted = [first + index if first else 0 for index in range(len(SERVICES))]
    ports = {}
    held = []
    try:
        for service, port in zip(SERVICES, wanted, strict=True):
            probe = socket.socket()
            held.append(probe)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise Trouble(
                    f"port {port} of 127.0.0.1 is taken, and {service} needs it for its metrics; "
                    f"choose another --metrics-port, or leave it out for free ones"
                ) from error
            ports[service] = probe.getsockname()[1]
    finally:
        for probe in held:
            probe.close()
    return ports
