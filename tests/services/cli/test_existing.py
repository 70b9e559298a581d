"""A server of somebody else under ``penstock up``. See services/cli/existing.py."""

import json

import pytest

from services.cli.existing import prove_existing
from streams.bus import Unreachable
from streams.bus.errors import BrokerNotSynced
from streams.bus.server import NatsServer, free_port


@pytest.fixture
def unsynced(tmp_path):
    """A server that acknowledges what it has not written yet, as servers do unless told otherwise."""
    port, monitor_port = free_port(), free_port()
    config = {
        "port": port, "http": f"127.0.0.1:{monitor_port}", "host": "127.0.0.1",
        "jetstream": {"store_dir": str(tmp_path / "data")},
    }  # fmt: skip
    path = tmp_path / "nats.conf"
    path.write_text(json.dumps(config))
    with NatsServer(
        path, port=port, monitor_port=monitor_port, log_path=tmp_path / "log", store_dir=tmp_path / "data"
    ) as server:
        yield server


def test_a_server_that_syncs_is_proved_without_a_word(broker):
    said: list[str] = []
    prove_existing(broker.url, broker.monitor_url, said.append)
    assert said == []


def test_a_server_that_does_not_sync_is_refused(unsynced):
    with pytest.raises(BrokerNotSynced, match=r"set jetstream\.sync_interval to always"):
        prove_existing(unsynced.url, unsynced.monitor_url, print)


def test_a_monitoring_address_that_does_not_answer_proves_nothing():
    with pytest.raises(Unreachable):
        prove_existing("nats://127.0.0.1:1", f"http://127.0.0.1:{free_port()}", print)


def test_without_a_monitoring_address_it_is_said_that_nothing_is_proved(unsynced):
    said: list[str] = []
    prove_existing(unsynced.url, "", said.append)
    (line,) = said
    assert line.startswith(f"!! NOT PROVED: whether {unsynced.url} writes to disk")
    assert "--nats-monitor" in line


def test_up_refuses_a_server_that_does_not_sync_before_anything_is_provisioned(penstock, unsynced):
    ended = penstock("up", "--nats", unsynced.url, "--nats-monitor", unsynced.monitor_url)
    assert ended.status == 1
    assert ended.err.count("\n") == 1
    assert "reports sync_always False, expected true" in ended.err


def test_a_monitoring_address_alone_is_a_wrong_command(penstock):
    ended = penstock("up", "--nats-monitor", "http://127.0.0.1:8222")
    assert ended.status == 2
    assert "name it with --nats URL" in ended.err
