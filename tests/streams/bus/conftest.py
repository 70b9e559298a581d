"""A server of the bus alone: no accounts, no streams."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.bus.server import NatsServer, free_port


def bare(directory: Path, **jetstream: object) -> NatsServer:
    """A server that is not started yet."""
    port, monitor_port = free_port(), free_port()
    config = {
        "host": "127.0.0.1",
        "port": port,
        "http": f"127.0.0.1:{monitor_port}",
        "jetstream": {"store_dir": str(directory / "data"), **jetstream},
    }
    path = directory / "nats.conf"
    path.write_text(json.dumps(config), encoding="utf-8")
    return NatsServer(
        path,
        port=port,
        monitor_port=monitor_port,
        log_path=directory / "server.log",
        store_dir=directory / "data",
    )


@pytest.fixture
def make_bare():
    return bare


@pytest.fixture
def bare_server(tmp_path: Path) -> Iterator[NatsServer]:
    with bare(tmp_path, sync_interval="always") as server:
        yield server
