"""The supervisor over tiny processes. See services/kit/supervisor.py."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from contracts.operations import Heartbeat
from services.kit.guard import ROOT
from services.kit.live import is_alive
from services.kit.restarts import RestartPolicy
from services.kit.settings import ServiceSettings
from services.kit.supervisor import Launch, ServiceFailed, Supervisor, launch_of
from streams.bus.errors import PortTaken

READY = "from pathlib import Path; Path('{name}.ready').touch()"
WAIT = "import signal; signal.sigwait({{signal.SIGTERM}})"
NEVER = RestartPolicy(restarts_max=0)


class FileBeats:
    """A service is ready once it has touched ``<name>.ready``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self, service: str) -> Heartbeat | None:
        file = self.folder / f"{service}.ready"
        if not file.exists():
            return None
        return Heartbeat(
            service=service, run_id="run", is_ready=True, is_ok=True, cause="", ts_event_ns=0, position=0,
            ts_recv_ns=file.stat().st_mtime_ns,
        )  # fmt: skip


def tiny(folder: Path, name: str, *lines: str, is_finite: bool = False) -> Launch:
    """A process that runs ``lines``; ``{name}`` in them is its name."""
    code = "\n".join(textwrap.dedent(line) for line in lines).format(name=name)
    return Launch(
        service=name,
        command=(sys.executable, "-c", code),
        environment={"PATH": os.environ["PATH"]},
        directory=folder,
        output=folder / f"{name}.out",
        log=folder / f"{name}.jsonl",
        is_finite=is_finite,
    )


def make_supervisor(folder: Path, **options) -> tuple[Supervisor, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    supervisor = Supervisor(
        FileBeats(folder), lambda event: told.append((event.kind, event.service)), **options
    )
    return supervisor, told


async def test_a_service_counts_as_started_once_it_is_ready(tmp_path):
    supervisor, told = make_supervisor(tmp_path)
    await supervisor.start(tiny(tmp_path, "gate", READY, WAIT))

    assert told == [("starting", "gate"), ("ready", "gate")]
    assert is_alive(supervisor.pids["gate"])
    assert await supervisor.stop() == []
    assert supervisor.pids == {}


async def test_a_service_that_dies_before_it_is_ready_is_told_with_its_status_and_last_line(tmp_path):
    supervisor, _ = make_supervisor(tmp_path)

    with pytest.raises(ServiceFailed) as caught:
        await supervisor.start(tiny(tmp_path, "gate", "import sys; sys.exit('gate: limits.json is missing')"))

    assert str(caught.value) == (
        "gate exited with status 1 before it was ready: gate: limits.json is missing"
    )
    assert caught.value.exit_code == 1


async def test_a_service_that_never_gets_ready_is_told_after_the_time_that_it_had(tmp_path):
    supervisor, _ = make_supervisor(tmp_path, ready_timeout_s=0.3)

    with pytest.raises(ServiceFailed, match=r"gate was not ready after 0\.3 s: still loading"):
        await supervisor.start(tiny(tmp_path, "gate", "print('still loading', flush=True)", WAIT))

    await supervisor.stop()


async def test_a_beat_of_the_process_before_it_does_not_make_a_service_ready(tmp_path):
    (tmp_path / "gate.ready").touch()
    os.utime(tmp_path / "gate.ready", ns=(1, 1))
    supervisor, _ = make_supervisor(tmp_path, ready_timeout_s=0.2)

    with pytest.raises(ServiceFailed, match="was not ready"):
        await supervisor.start(tiny(tmp_path, "gate", WAIT))

    await supervisor.stop()


async def test_services_stop_in_reverse_order_each_before_the_next_is_told(tmp_path):
    note = """
        import signal, time
        signal.sigwait({{signal.SIGTERM}})
        with open('stopped', 'a') as file: file.write('{name} ')
    """
    supervisor, _ = make_supervisor(tmp_path)
    for name in ("recorder", "gate", "features"):
        block = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])"
        await supervisor.start(tiny(tmp_path, name, block, READY, note))

    assert await supervisor.stop() == []
    assert (tmp_path / "stopped").read_text() == "features gate recorder "


async def test_a_service_that_will_not_stop_is_killed_at_the_deadline_and_told(tmp_path):
    supervisor, told = make_supervisor(tmp_path)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    await supervisor.start(tiny(tmp_path, "gate", deaf, READY, "time.sleep(600)"))
    pid = supervisor.pids["gate"]

    assert await supervisor.stop(timeout_s=0.1) == ["gate"]

    assert not is_alive(pid)
    assert told[-1] == ("killed", "gate")


async def test_a_died_service_is_told_and_brought_back(tmp_path):
    supervisor, told = make_supervisor(tmp_path, policy=RestartPolicy(pause_s=0.01))
    await supervisor.start(tiny(tmp_path, "gate", READY, WAIT))
    first = supervisor.pids["gate"]
    watching = asyncio.create_task(supervisor.watch())

    os.kill(first, signal.SIGKILL)
    while told[-1] != ("ready", "gate") or told.count(("ready", "gate")) < 2:
        assert not watching.done()
        await asyncio.sleep(0.01)
    watching.cancel()

    assert supervisor.pids["gate"] != first
    assert [kind for kind, _ in told] == ["starting", "ready", "died", "restarting", "starting", "ready"]
    await supervisor.stop()


async def test_a_service_that_keeps_dying_ends_the_watch_with_one_line(tmp_path):
    policy = RestartPolicy(restarts_max=2, pause_s=0.01)
    supervisor, told = make_supervisor(tmp_path, policy=policy)
    launch = tiny(tmp_path, "gate", READY, "import time, sys; time.sleep(0.1); sys.exit('no disk')")
    await supervisor.start(launch)

    with pytest.raises(ServiceFailed) as caught:
        await supervisor.watch()

    assert str(caught.value) == "gate exited with status 1 after 2 restarts in 60 s: no disk"
    assert told.count(("restarting", "gate")) == 2


async def test_a_service_that_must_not_return_ends_the_watch_and_is_not_started_again(tmp_path):
    supervisor, told = make_supervisor(tmp_path)
    lines = ("import sys, time; time.sleep(0.1); print('another gate was first')", "sys.exit(3)")
    await supervisor.start(tiny(tmp_path, "gate", READY, *lines))

    with pytest.raises(ServiceFailed) as caught:
        await supervisor.watch()

    assert str(caught.value) == "gate ended for good (status 3): another gate was first"
    assert [kind for kind, _ in told] == ["starting", "ready", "died"]


async def test_a_service_that_lives_and_is_not_heard_is_killed_and_brought_back(tmp_path):
    supervisor, told = make_supervisor(
        tmp_path, silent_s_max=0.3, policy=RestartPolicy(restarts_max=1, pause_s=0.01)
    )
    await supervisor.start(tiny(tmp_path, "gate", READY, WAIT))
    first = supervisor.pids["gate"]

    with pytest.raises(ServiceFailed, match=r"gate was silent for 0\.3 s and was killed after 1 restarts"):
        await supervisor.watch()

    assert not is_alive(first)
    assert supervisor.pids == {}
    kinds = [kind for kind, _ in told]
    assert kinds == ["starting", "ready", "died", "restarting", "starting", "ready", "died"]


async def test_nobody_is_called_silent_while_nobody_can_be_heard(tmp_path):
    looks = 0

    def can_hear() -> bool:
        nonlocal looks
        looks += 1
        return False

    supervisor, told = make_supervisor(tmp_path, silent_s_max=0.0, can_hear=can_hear)
    await supervisor.start(tiny(tmp_path, "gate", READY, WAIT))
    watching = asyncio.create_task(supervisor.watch())
    while looks < 10:
        assert not watching.done()
        await asyncio.sleep(0.01)
    watching.cancel()

    assert [kind for kind, _ in told] == ["starting", "ready"]
    await supervisor.stop()


class FrailBroker:
    """A broker that is gone, and comes back after ``failures`` starts that do not succeed."""

    def __init__(self, failures: int) -> None:
        self.pid: int | None = None
        self.failures = failures

    def start(self) -> None:
        if self.failures:
            self.failures -= 1
            raise PortTaken(4222)
        self.pid = 77


async def test_a_broker_that_is_gone_is_told_and_brought_back(tmp_path):
    policy = RestartPolicy(restarts_max=2, pause_s=0.01)
    broker = FrailBroker(failures=1)
    supervisor, told = make_supervisor(tmp_path, policy=policy, broker=broker)
    watching = asyncio.create_task(supervisor.watch())
    while ("ready", "broker") not in told:
        assert not watching.done()
        await asyncio.sleep(0.01)
    watching.cancel()

    assert broker.pid == 77
    assert [kind for kind, _ in told] == ["died", "restarting", "died", "restarting", "ready"]


async def test_a_broker_that_does_not_come_back_ends_the_watch_with_its_cause(tmp_path):
    policy = RestartPolicy(restarts_max=2, pause_s=0.01)
    supervisor, told = make_supervisor(tmp_path, policy=policy, broker=FrailBroker(failures=9))

    with pytest.raises(ServiceFailed, match=r"broker died after 2 restarts in 60 s: port 4222 .* is taken"):
        await supervisor.watch()

    assert told.count(("restarting", "broker")) == 2


async def test_a_broker_is_brought_back_while_a_service_waits_for_it(tmp_path):
    """Neither could go on if one watch did both."""
    broker = FrailBroker(failures=0)
    broker.pid = 1
    supervisor, told = make_supervisor(tmp_path, policy=RestartPolicy(pause_s=0.01), broker=broker)
    await supervisor.start(tiny(tmp_path, "gate", READY, WAIT))
    (tmp_path / "gate.ready").unlink()
    os.kill(supervisor.pids["gate"], signal.SIGKILL)
    slow = tiny(tmp_path, "gate", "import time", READY.replace("Path(", "time.sleep(9); Path(", 1), WAIT)
    supervisor._children["gate"].launch = slow
    watching = asyncio.create_task(supervisor.watch())
    while ("restarting", "gate") not in told:
        await asyncio.sleep(0.01)
    broker.pid = None
    while ("ready", "broker") not in told:
        assert not watching.done()
        await asyncio.sleep(0.01)
    watching.cancel()
    assert told.count(("ready", "gate")) == 1
    await supervisor.stop()


async def test_a_finite_service_may_end_and_is_not_brought_back(tmp_path):
    supervisor, told = make_supervisor(tmp_path)
    await supervisor.start(tiny(tmp_path, "feed", READY, is_finite=True))
    watching = asyncio.create_task(supervisor.watch())
    while ("ended", "feed") not in told:
        assert not watching.done()
        await asyncio.sleep(0.01)
    watching.cancel()

    assert supervisor.has_ended("feed")
    assert ("restarting", "feed") not in told


async def test_a_finite_service_that_fails_is_not_started_over(tmp_path):
    supervisor, told = make_supervisor(tmp_path)
    lines = (READY, "import sys, time; time.sleep(0.1); sys.exit('bad file')")
    await supervisor.start(tiny(tmp_path, "feed", *lines, is_finite=True))

    with pytest.raises(ServiceFailed, match="bad file"):
        await supervisor.watch()

    assert ("restarting", "feed") not in told


def test_a_service_is_given_its_own_settings_and_nobody_else_s(tmp_path, monkeypatch):
    monkeypatch.setenv("PENSTOCK_SEED_FILE", "/seeds/gate.nk")
    monkeypatch.setenv("PENSTOCK_HOME", "/home/somebody")
    settings = ServiceSettings(
        service="features", run_id="r", run_dir=tmp_path, nats_url="nats://127.0.0.1:1",
        seed_file=tmp_path / "features.nk", metrics_port=9101,
    )  # fmt: skip

    launch = launch_of(settings, {"PENSTOCK_FEED_SPEED": "20"})

    assert {name for name in launch.environment if name.startswith("PENSTOCK_")} == {
        "PENSTOCK_RUN_ID", "PENSTOCK_RUN_DIR", "PENSTOCK_NATS_URL", "PENSTOCK_SEED_FILE",
        "PENSTOCK_METRICS_PORT", "PENSTOCK_LOG_LEVEL", "PENSTOCK_FEED_SPEED",
    }  # fmt: skip
    assert launch.environment["PENSTOCK_SEED_FILE"] == str(tmp_path / "features.nk")
    assert launch.command == (sys.executable, "-m", "services.features")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_services_end_when_their_supervisor_is_killed(tmp_path):
    code = f"""
        import asyncio, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_supervisor import NEVER, READY, WAIT, make_supervisor, tiny
        async def main():
            supervisor, _ = make_supervisor(Path("."), policy=NEVER)
            await supervisor.start(tiny(Path("."), "gate", READY, WAIT))
            print(supervisor.pids["gate"], flush=True)
            await asyncio.sleep(600)
        asyncio.run(main())
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.communicate()

    deadline_s = time.monotonic() + 5.0
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline_s:
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            break  # dead, and waiting for whoever adopted it
        time.sleep(0.01)
    else:
        assert not Path(f"/proc/{pid}").exists()
