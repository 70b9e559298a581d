"""The embedded broker of a run: its keys, its configuration, its server, its streams."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.authority.config import BrokerSettings, render
from ops.authority.seeds import ensure_seeds, seed_path
from ops.authority.table import INTENT_PRINCIPALS, OPERATORS, table
from streams.bus import Bus, BusSettings, monitor
from streams.bus.errors import PortTaken
from streams.bus.provision import provision
from streams.bus.server import NatsServer, free_port
from streams.bus.specs import DISK_BYTES, durable_specs, stream_specs

PORT_ATTEMPTS = 5
PROVISIONER = "admin"


class EmbeddedBroker:
    """A broker with its data under ``run_dir/broker``, its keys under ``run_dir/seeds``.

    Started again on the same directory it goes on with the same keys and data. Stops only the
    process that it started.

    Args:
        port, monitor_port: On loopback; 0 for any free one. Kept from the first start on: who is
            connected comes back to the same address.
        strategies: Who may propose intents, and for which strategies.
        max_file_bytes: Disk that all streams together may take.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        port: int = 0,
        monitor_port: int = 0,
        strategies: Mapping[str, Sequence[str]] = INTENT_PRINCIPALS,
        operators: Sequence[str] = OPERATORS,
        max_file_bytes: int = DISK_BYTES,
    ) -> None:
        self.run_dir = run_dir
        self._is_port_chosen = bool(port), bool(monitor_port)
        self._port, self._monitor_port = port, monitor_port
        self._strategies = dict(strategies)
        self._roles = table(self._strategies, operators)
        self._max_file_bytes = max_file_bytes
        self._server: NatsServer | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    @property
    def monitor_url(self) -> str:
        return f"http://127.0.0.1:{self._monitor_port}"

    @property
    def pid(self) -> int | None:
        """Of the server that we started, while it runs."""
        return self._server.pid if self._server else None

    @property
    def principals(self) -> tuple[str, ...]:
        return tuple(role.principal for role in self._roles)

    def seed_path(self, principal: str) -> Path:
        return seed_path(self.run_dir / "seeds", principal)

    def settings_of(self, principal: str) -> BusSettings:
        """What this principal needs to connect."""
        seed = self.seed_path(principal).read_text(encoding="ascii").strip()
        return BusSettings(url=self.url, name=principal, seed=seed)

    def start(self) -> None:
        """Start, prove that acknowledged means synced, make what is missing.

        Raises:
            BrokerFailed: in one line that says what to do.
            ProvisionMismatch: the data is that of other settings.
        """
        try:
            self._start_server()
            self._is_port_chosen = True, True
            monitor.prove_synced(monitor.varz(self.monitor_url), self.url)
            # In a thread of its own: the caller may or may not be inside an event loop.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, self._provision()).result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop cleanly; data and keys stay."""
        if self._server is not None:
            self._server.stop()

    def kill(self) -> None:
        """Stop as a crash would."""
        if self._server is not None:
            self._server.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_server(self) -> None:
        for attempt in range(PORT_ATTEMPTS):
            self._choose_ports()
            self._server = self._configured()
            try:
                self._server.start()
            except PortTaken as error:
                # Between our look and the server's bind another program may take a free port.
                if attempt + 1 == PORT_ATTEMPTS or self._is_chosen(error.port):
                    raise
                self._forget_free_ports()
            else:
                return

    def _is_chosen(self, port: int) -> bool:
        pairs = zip((self._port, self._monitor_port), self._is_port_chosen, strict=True)
        return any(is_chosen and port == chosen for chosen, is_chosen in pairs)

    def _choose_ports(self) -> None:
        self._port = self._port or free_port()
        while not self._monitor_port or self._monitor_port == self._port:
            self._monitor_port = free_port()

    def _forget_free_ports(self) -> None:
        is_port_chosen, is_monitor_chosen = self._is_port_chosen
        self._port = self._port if is_port_chosen else 0
        self._monitor_port = self._monitor_port if is_monitor_chosen else 0

    def _configured(self) -> NatsServer:
        broker_dir, logs_dir = self.run_dir / "broker", self.run_dir / "logs"
        for directory in (broker_dir, logs_dir):
            directory.mkdir(parents=True, exist_ok=True)
        settings = BrokerSettings(
            name=f"penstock-{self.run_dir.name}",
            port=self._port,
            monitor_port=self._monitor_port,
            store_dir=broker_dir,
            max_file_bytes=self._max_file_bytes,
        )
        keys = ensure_seeds(self.run_dir / "seeds", self.principals)
        config_path = broker_dir / "nats.conf"
        config_path.write_text(render(settings, self._roles, keys), encoding="utf-8")
        return NatsServer(
            config_path,
            port=self._port,
            monitor_port=self._monitor_port,
            log_path=logs_dir / "nats-server.log",
            store_dir=broker_dir,
        )

    async def _provision(self) -> None:
        async with Bus.connect(self.settings_of(PROVISIONER)) as bus:
            specs = stream_specs(self._strategies, disk_bytes=self._max_file_bytes)
            await provision(bus, specs, durable_specs(self._strategies))
