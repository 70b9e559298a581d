"""A stack as a person meets it: up, fed, watched, killed, stopped, and brought up again."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest

from services.kit.guard import ROOT
from services.kit.live import is_alive

pytestmark = pytest.mark.timeout(180)

STOP_S = 5.0
"""What Ctrl-C promises."""

COMMAND = [sys.executable, "-m", "services.cli"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
PID = re.compile(r"ready pid (\d+)")


class Running:
    """A ``penstock`` command in a process of its own, with what it has printed so far."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*COMMAND, "--home", str(home), *arguments],
            cwd=ROOT, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def until(self, text: str) -> str:
        """Read up to the line that holds ``text``."""
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"ended without {text!r}:\n{''.join(self.lines)}")

    def interrupt(self) -> tuple[int, float]:
        """Ctrl-C. Returns the status and how long it took."""
        began_s = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=30)
        self.lines.append(rest)
        return self.process.returncode, time.monotonic() - began_s

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def pids(self) -> list[int]:
        """Processes of the services that it said it started."""
        return [int(pid) for pid in PID.findall(self.output)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def penstock(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--home", str(home), *arguments],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def wait_for(condition, what: str, seconds: float = 15.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Ended; one that waits for whoever adopted it to notice counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_stack_is_fed_killed_stopped_and_comes_back_killed(tmp_path):
    with Running(tmp_path, "up") as up:
        up.until("stop     Ctrl-C")
        status = json.loads(penstock(tmp_path, "status", "--json").stdout)
        assert {each["service"]: each["state"] for each in status["services"]} == dict.fromkeys(
            ("recorder", "gate", "features", "predict"), "ready"
        )

        second = penstock(tmp_path, "up")
        assert second.returncode == 1
        assert re.fullmatch(rf"penstock: .*\(pid {up.process.pid}\).*\n", second.stderr)

        fed = penstock(
            tmp_path,
            "feed",
            "--from",
            "2013-09-03T10:20",
            "--to",
            "2013-09-03T10:21",
            "--speed",
            "60",
            "--json",
        )
        assert fed.returncode == 0, fed.stderr
        played = json.loads(fed.stdout)
        assert played["is_whole"]
        assert played["rows"] > 1_000

        killed = penstock(tmp_path, "kill", "--as", "operator1", "--reason", "a test", "--json")
        assert killed.returncode == 0, killed.stderr
        assert json.loads(killed.stdout)["answer"]["is_accepted"]
        early = penstock(tmp_path, "reset", "--as", "operator1", "--reason", "too soon")
        assert early.returncode == 1
        assert "COOL_OFF" in early.stdout

        status_code, took_s = up.interrupt()
        assert status_code == 0, up.output
        assert took_s < STOP_S
    assert all(is_gone(pid) for pid in up.pids)
    assert not (tmp_path / "live.json").exists()

    down = json.loads(penstock(tmp_path, "status", "--json").stdout)
    assert (down["is_up"], down["is_killed"], down["trading_state"]) == (False, True, "HALTED")
    refused = penstock(tmp_path, "up", "--new-run")
    assert refused.returncode == 1
    assert "is killed" in refused.stderr
    assert "penstock reset --as OPERATOR" in refused.stderr

    rows = penstock(tmp_path, "query", "--json", "select count(*) as rows from trades")
    assert json.loads(rows.stdout) == {"rows": played["rows"]}

    with Running(tmp_path, "up") as again:
        again.until("stop     Ctrl-C")
        status = json.loads(penstock(tmp_path, "status", "--json").stdout)
        assert (status["run_id"], status["is_killed"]) == (down["run_id"], True)
        assert again.interrupt()[0] == 0


def test_a_killed_stack_leaves_no_process_behind_and_the_next_one_says_so_and_goes_on(tmp_path):
    with Running(tmp_path, "up") as up:
        up.until("stop     Ctrl-C")
        live = json.loads((tmp_path / "live.json").read_text())
        up.process.kill()
        up.process.wait()
        for pid in [*up.pids, live["broker_pid"]]:
            wait_for(lambda pid=pid: is_gone(pid), f"the end of {pid}")

    assert "did not stop cleanly" in penstock(tmp_path, "status").stdout
    with Running(tmp_path, "up") as again:
        line = again.until("did not stop cleanly")
        assert f"the stack of pid {live['pid']} did not stop cleanly; going on" in line
        again.until("stop     Ctrl-C")
        assert again.interrupt()[0] == 0


def test_a_feed_ends_with_the_stack_that_it_feeds(tmp_path):
    with Running(tmp_path, "up") as up:
        up.until("stop     Ctrl-C")
        with Running(tmp_path, "feed", "--source", "synth", "--speed", "20") as feed:
            feed.until("messages")
            up.interrupt()
            assert feed.process.wait(timeout=15) == 1
            feed.until("is gone")

    assert feed.lines[-1].startswith("penstock: the stack of run ")


def test_a_service_that_is_killed_is_told_and_brought_back(tmp_path):
    with Running(tmp_path, "up") as up:
        up.until("stop     Ctrl-C")
        features = int(PID.search(next(line for line in up.lines if "features  ready" in line))[1])
        os.kill(features, signal.SIGKILL)
        assert "features  died was ended by signal 9" in up.until("features  died")
        up.until("features  ready")
        assert up.interrupt()[0] == 0


def test_a_broker_that_is_killed_is_told_and_brought_back_on_its_data(tmp_path):
    with Running(tmp_path, "up") as up:
        up.until("stop     Ctrl-C")
        live = json.loads((tmp_path / "live.json").read_text())
        os.kill(live["broker_pid"], signal.SIGKILL)
        assert "broker    died its process is gone" in up.until("broker    died")
        again = int(PID.search(up.until("broker    ready"))[1])
        assert again != live["broker_pid"]
        assert json.loads((tmp_path / "live.json").read_text()) == live | {"broker_pid": again}

        def is_answered() -> bool:
            killed = penstock(tmp_path, "kill", "--as", "operator1", "--reason", "a test", "--json")
            return killed.returncode == 0 and json.loads(killed.stdout)["answer"]["is_accepted"]

        wait_for(is_answered, "an answer of the gate over the new broker")
        assert up.interrupt()[0] == 0

    beats = penstock(tmp_path, "query", "--json", "select distinct service from heartbeats")
    assert {json.loads(line)["service"] for line in beats.stdout.splitlines()} == {
        "recorder", "gate", "features", "predict",
    }  # fmt: skip


@pytest.mark.parametrize("until", ["recorder  ready", "feed      ready"])
def test_ctrl_c_stops_the_demo_at_any_moment_and_tells_what_there_is(tmp_path, until):
    with Running(tmp_path, "demo", "--fast") as demo:
        demo.until(until)
        live = json.loads((tmp_path / "live.json").read_text())
        status, took_s = demo.interrupt()

    assert status == 130, demo.output
    assert took_s < STOP_S + 2.0, "five seconds to stop, and some to ask the journal"
    assert "Traceback" not in demo.output
    assert f"From the journal of run {live['run_id']} (interrupted):" in demo.output
    assert all(is_gone(pid) for pid in [*demo.pids, live["broker_pid"]])
    assert not is_alive(live["broker_pid"])
    counted = penstock(tmp_path, "query", "--json", "select count(*) as beats from heartbeats")
    assert json.loads(counted.stdout)["beats"] >= 0


def test_a_taken_port_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for option in ("--port", "--metrics-port"):
            ended = penstock(tmp_path, "up", option, str(port))
            assert ended.returncode == 1
            assert re.fullmatch(rf"penstock: port {port} of 127\.0\.0\.1 is taken.*\n", ended.stderr)
    assert not (tmp_path / "live.json").exists()


def test_limits_that_cannot_be_used_are_one_line_and_no_run_is_made(tmp_path):
    limits = tmp_path / "my-limits.json"
    limits.write_text('{"schema": "limits.v1", "account_currency": 1}')
    ended = penstock(tmp_path / "home", "up", "--limits", str(limits))

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "account_currency" in ended.stderr
    assert not list((tmp_path / "home" / "runs").glob("*"))
