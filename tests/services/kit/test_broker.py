"""The embedded broker of a run: keys, data, ports, restart. See services/kit/broker.py."""

import socket

import pytest

from contracts import subjects
from services.kit.broker import EmbeddedBroker
from streams.bus import monitor
from streams.bus.errors import PortTaken, ProvisionMismatch
from streams.bus.server import free_port
from streams.bus.specs import VERDICTS

SUBJECT = subjects.verdict("trend", "ES")


@pytest.mark.parametrize("is_crash", [True, False])
async def test_a_restart_keeps_the_data_the_keys_and_the_address(broker, bus_of, is_crash):
    async with bus_of(broker, "gate") as gate:
        await gate.publish_acked(SUBJECT, b"1", msg_id="1", stream=VERDICTS)
        url, created = broker.url, (await gate.stream_state(VERDICTS)).created
    broker.kill() if is_crash else broker.stop()
    assert broker.pid is None
    broker.start()
    assert broker.url == url
    async with bus_of(broker, "gate") as gate:
        state = await gate.stream_state(VERDICTS)
        assert (state.messages, state.created) == (1, created)
        again = await gate.publish_acked(SUBJECT, b"1", msg_id="1", stream=VERDICTS)
        assert again.is_duplicate


async def test_another_broker_on_the_same_directory_goes_on_with_its_data(tmp_path, bus_of):
    for number in (1, 2):
        with EmbeddedBroker(tmp_path / "run") as broker:
            async with bus_of(broker, "gate") as gate:
                ack = await gate.publish_acked(SUBJECT, b"", msg_id=str(number), stream=VERDICTS)
                assert ack.seq == number


def test_data_keys_and_log_lie_in_the_run(broker):
    names = {path.name for path in broker.run_dir.iterdir()}
    assert names == {"broker", "seeds", "logs"}
    assert (broker.run_dir / "broker" / "jetstream").is_dir()
    assert (broker.run_dir / "logs" / "nats-server.log").read_text()
    assert broker.seed_path("gate") == broker.run_dir / "seeds" / "gate.nk"


def test_it_stops_with_its_block(tmp_path):
    with EmbeddedBroker(tmp_path / "run") as broker:
        assert monitor.is_healthy(broker.monitor_url)
    assert broker.pid is None
    assert not monitor.is_healthy(broker.monitor_url)


def test_chosen_ports_are_kept_and_a_taken_one_is_said(tmp_path):
    port, monitor_port = free_port(), free_port()
    with EmbeddedBroker(tmp_path / "one", port=port, monitor_port=monitor_port) as first:
        assert (first.url, first.monitor_url) == (
            f"nats://127.0.0.1:{port}",
            f"http://127.0.0.1:{monitor_port}",
        )
        second = EmbeddedBroker(tmp_path / "two", port=port)
        with pytest.raises(PortTaken, match=f"port {port} of 127.0.0.1 is taken"):
            second.start()
        assert second.pid is None


def test_a_free_port_that_was_taken_meanwhile_is_chosen_again(tmp_path, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        offers = [taken, free_port()]
        monkeypatch.setattr("services.kit.broker.free_port", lambda: offers.pop(0) if offers else free_port())
        with EmbeddedBroker(tmp_path / "run") as broker:
            assert not broker.url.endswith(f":{taken}")


def test_a_broker_comes_back_on_its_port_or_not_at_all(tmp_path):
    """Whoever was connected looks for it there."""
    with EmbeddedBroker(tmp_path / "run") as broker:
        url, port = broker.url, int(broker.url.rpartition(":")[2])
        broker.kill()
        with socket.create_server(("127.0.0.1", port)), pytest.raises(PortTaken):
            broker.start()
        broker.start()
        assert broker.url == url


def test_data_of_other_strategies_is_refused_and_the_server_stopped(tmp_path):
    with EmbeddedBroker(tmp_path / "run"):
        pass
    other = EmbeddedBroker(tmp_path / "run", strategies={"predict": ("pairs",)})
    with pytest.raises(ProvisionMismatch, match="INTENTS_PREDICT: subjects"):
        other.start()
    assert other.pid is None


def test_the_disk_bound_is_the_servers(tmp_path):
    with EmbeddedBroker(tmp_path / "run", max_file_bytes=64 * 1024**2) as broker:
        config = monitor.varz(broker.monitor_url)["jetstream"]["config"]
        assert config["max_storage"] == 64 * 1024**2
