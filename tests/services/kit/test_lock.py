"""At the most one stack on a home. See services/kit/lock.py and services/kit/live.py."""

import os
import subprocess
import sys

import pytest

from services.kit import live
from services.kit.layout import Home
from services.kit.live import Live
from services.kit.lock import HomeBusy, HomeLock, holder, is_held

HOLD = """
import sys
from pathlib import Path
from services.kit.lock import HomeLock
with HomeLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_holder(tmp_path):
    """A process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def make_live(**overrides) -> Live:
    fields = {
        "pid": os.getpid(),
        "run_id": "20261120T080000Z",
        "nats_url": "nats://127.0.0.1:4222",
        "monitor_url": "http://127.0.0.1:8222",
        "broker_pid": 0,
        "seeds": "/somewhere/seeds",
        "metrics_ports": {"gate": 9100},
        "ts_started_ns": 1,
    }
    return Live(**(fields | overrides))


def test_a_second_holder_is_refused_in_one_line_with_the_pid(tmp_path, other_holder):
    with pytest.raises(HomeBusy) as caught, HomeLock(tmp_path / "lock"):
        pass

    assert caught.value.pid == other_holder.pid
    assert f"kill {other_holder.pid}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_lock_is_free_again_when_its_holder_was_killed(tmp_path, other_holder):
    assert is_held(tmp_path / "lock")
    other_holder.kill()
    other_holder.wait()

    assert not is_held(tmp_path / "lock")
    with HomeLock(tmp_path / "lock"):
        assert holder(tmp_path / "lock") == os.getpid()


def test_a_lock_that_nobody_ever_took_is_not_held(tmp_path):
    assert not is_held(tmp_path / "lock")


def test_a_live_file_counts_only_while_the_lock_is_held(tmp_path):
    home = Home(tmp_path)
    with HomeLock(home.lock):
        live.write(home, make_live())
        assert live.running(home) == make_live()

    assert live.running(home) is None
    assert live.read(home) == make_live()


@pytest.mark.parametrize("content", [b"", b"{", b'{"pid": "many"}'])
def test_an_unreadable_live_file_reads_as_nothing(tmp_path, content):
    home = Home(tmp_path)
    home.live.write_bytes(content)

    assert live.read(home) is None


def test_a_seed_file_is_named_only_on_a_broker_with_accounts():
    assert str(make_live().seed_file("viewer")) == "/somewhere/seeds/viewer.nk"
    assert make_live(seeds="").seed_file("viewer") is None
