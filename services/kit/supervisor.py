"""The supervisor: starts the service processes in order, watches them and their broker, and stops them.

It ends only processes that it started, by their id. A service's standard output goes to
``logs/<service>.out`` beside its structured log, so that its last words can be told.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from contracts.operations import Heartbeat
from services.kit.guard import ROOT
from services.kit.lastwords import last_words
from services.kit.restarts import MUST_NOT_RETURN, RestartBudget, RestartPolicy
from services.kit.settings import PREFIX, ServiceSettings
from services.kit.silence import Silences
from streams.bus import BusError
from streams.bus.orphans import die_with_parent

READY_TIMEOUT_S = 60.0
"""A cold numba cache compiles for some seconds a kernel on a slow machine."""

STOP_TIMEOUT_S = 4.0
"""For all services together; leaves the broker its part of the five seconds that ``up`` promises."""

SILENT_S_MAX = 5.0
"""Twenty heartbeats: a service that lives and is not heard for so long hangs."""

POLL_S = 0.02
BROKER = "broker"


class BeatsHeard(Protocol):
    """Where the supervisor hears heartbeats: ``services.kit.beats.Beats``."""

    def newest(self, service: str) -> Heartbeat | None: ...


class Serving(Protocol):
    """The broker, where it is ours to keep up: ``services.kit.broker.EmbeddedBroker``."""

    @property
    def pid(self) -> int | None: ...
    def start(self) -> None: ...


class Launch(Struct, frozen=True, kw_only=True):
    """How one service process is started.

    Attributes:
        environment: All of its environment; nothing is inherited beside it.
        directory: Its working folder.
        output: Where its standard output and error are appended.
        log: Its structured log, for its last words.
        is_finite: It may end by itself with status 0, as a feed does at the end of its data.
    """

    service: str
    command: tuple[str, ...]
    environment: dict[str, str]
    directory: Path
    output: Path
    log: Path
    is_finite: bool = False


class Event(Struct, frozen=True, kw_only=True):
    """Something that a person at the terminal is told.

    Attributes:
        kind: ``starting``, ``ready``, ``ended``, ``died``, ``restarting`` or ``killed``.
    """

    kind: str
    service: str
    text: str


Report = Callable[[Event], None]


class ServiceFailed(RuntimeError):
    """A service did not get ready, died more often than the policy allows, or must not come back.

    Attributes:
        service: Its name.
        exit_code: Its status, negative for a signal; None while it still ran.
        words: The last line that it wrote.
    """

    def __init__(self, service: str, what: str, exit_code: int | None, words: str) -> None:
        self.service, self.exit_code, self.words = service, exit_code, words
        super().__init__(f"{service} {what}: {words or 'it wrote nothing'}")


class Child:
    """One process that the supervisor started."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        launch.output.parent.mkdir(parents=True, exist_ok=True)
        self.ts_started_ns = time.time_ns()
        self._output_from = launch.output.stat().st_size if launch.output.exists() else 0
        self._log_from = launch.log.stat().st_size if launch.log.exists() else 0
        with launch.output.open("ab") as output:
            self.process = subprocess.Popen(
                launch.command,
                env=launch.environment,
                cwd=launch.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, no lock taken
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """Its status, or None while it runs."""
        return self.process.poll()

    @property
    def has_ended_well(self) -> bool:
        """Whether it came to the end that it was started for."""
        return self.launch.is_finite and self.exit_code == 0

    def last_words(self) -> str:
        """The last line that it wrote since it was started, its standard error first."""
        return last_words(self.launch.output, self._output_from) or last_words(
            self.launch.log, self._log_from
        )


class Supervisor:
    """The service processes of one stack, in the order in which they were started.

    Args:
        beats: Hears their heartbeats.
        report: Called at once with what a person should know.
        broker: Brought back where it dies; None where it is somebody else's.
        can_hear: Whether beats reach us now; while they do not, nobody is called silent.
    """

    def __init__(
        self,
        beats: BeatsHeard,
        report: Report,
        *,
        policy: RestartPolicy | None = None,
        ready_timeout_s: float = READY_TIMEOUT_S,
        silent_s_max: float = SILENT_S_MAX,
        broker: Serving | None = None,
        can_hear: Callable[[], bool] = lambda: True,
    ) -> None:
        self._beats, self._report = beats, report
        self._budget = RestartBudget(policy or RestartPolicy())
        self._ready_timeout_s, self._silent_s_max = ready_timeout_s, silent_s_max
        self._broker, self._can_hear = broker, can_hear
        self._silences = Silences()
        self._children: dict[str, Child] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the services that run."""
        return {name: child.pid for name, child in self._children.items() if child.exit_code is None}

    def has_ended(self, service: str) -> bool:
        """Whether a finite service came to its end."""
        child = self._children.get(service)
        return child is not None and child.has_ended_well

    async def start(self, launch: Launch) -> None:
        """Start one service and wait until it is ready. Raises ServiceFailed."""
        self._tell("starting", launch.service, "")
        child = Child(launch)
        self._children[launch.service] = child
        await self._until_ready(child)
        took_s = (time.time_ns() - child.ts_started_ns) / 1e9
        self._tell("ready", launch.service, f"pid {child.pid}, {took_s:.1f} s")

    async def watch(self) -> None:
        """Bring back what dies or hangs. Never returns.

        Raises:
            ServiceFailed: a service, or the broker, died more often than the policy allows, or a
                service says that it must not come back.
        """
        # Apart: a service that is being brought back cannot get ready before the broker is back.
        tasks = [asyncio.create_task(self._watch_services()), asyncio.create_task(self._watch_broker())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_services(self) -> None:
        told: set[str] = set()
        while True:
            if not self._can_hear():
                self._silences.forget()
            for service, child in list(self._children.items()):
                if service in told:
                    continue
                if child.has_ended_well:
                    told.add(service)
                    self._tell("ended", service, "")
                elif child.exit_code is not None:
                    await self._bring_back(child, _ending(child.process.returncode))
                elif self._hangs(child):
                    child.process.kill()
                    child.process.wait()
                    await self._bring_back(child, f"was silent for {self._silent_s_max:g} s and was killed")
            await asyncio.sleep(POLL_S)

    async def _watch_broker(self) -> None:
        while True:
            if self._broker is not None and self._broker.pid is None:
                await self._bring_back_broker(self._broker)
            await asyncio.sleep(POLL_S)

    async def _bring_back_broker(self, broker: Serving) -> None:
        """On the data and the port that it had: the services find it by themselves."""
        cause = "its process is gone"
        while True:
            self._tell("died", BROKER, cause)
            await self._pause(BROKER, "died", None, cause)
            try:
                # In this thread, though it holds up the loop: the server ends with the thread that starts it.
                broker.start()
            except BusError as error:
                cause = str(error)
            else:
                self._tell("ready", BROKER, f"pid {broker.pid}")
                return

    async def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> list[str]:
        """Stop all, the last started first; each ends before the one it depends on is told.

        Returns:
            The services that had to be killed because the time was over.
        """
        deadline_s = time.monotonic() + timeout_s
        left = [child for child in reversed(self._children.values()) if child.exit_code is None]
        for index, child in enumerate(left):
            share_s = max(deadline_s - time.monotonic(), 0.0) / (len(left) - index)
            child.process.terminate()
            await self._wait(child, time.monotonic() + share_s)
        killed = [child for child in left if child.exit_code is None]
        for child in killed:
            child.process.kill()
            child.process.wait()
            self._tell("killed", child.launch.service, f"pid {child.pid} did not stop in time")
        return [child.launch.service for child in killed]

    async def _until_ready(self, child: Child) -> None:
        service = child.launch.service
        deadline_s = time.monotonic() + self._ready_timeout_s
        while True:
            # A finite service may be through before its first beat is heard.
            if child.has_ended_well or self._is_ready(child):
                return
            if child.exit_code is not None:
                what = f"{_ending(child.exit_code)} before it was ready"
                raise ServiceFailed(service, what, child.exit_code, child.last_words())
            if time.monotonic() > deadline_s:
                beat = self._beats.newest(service)
                cause = f" ({beat.cause})" if beat and beat.cause else ""
                what = f"was not ready after {self._ready_timeout_s:g} s{cause}"
                raise ServiceFailed(service, what, None, child.last_words())
            await asyncio.sleep(POLL_S)

    def _is_ready(self, child: Child) -> bool:
        beat = self._beats.newest(child.launch.service)
        # A beat of the process before it, heard late, says nothing about this one.
        return beat is not None and beat.is_ready and beat.ts_recv_ns >= child.ts_started_ns

    def _hangs(self, child: Child) -> bool:
        beat = self._beats.newest(child.launch.service)
        if beat is None or not self._is_ready(child):
            return False
        silent_s = self._silences.of(child.launch.service, beat.ts_recv_ns, time.monotonic())
        return silent_s > self._silent_s_max

    async def _bring_back(self, child: Child, what: str) -> None:
        """Start a service that has ended once more, as often as the policy allows."""
        service = child.launch.service
        while True:
            code, words = child.exit_code, child.last_words()
            self._tell("died", service, f"{what}: {words or 'it wrote nothing'}")
            if child.launch.is_finite:  # to start over would say everything twice
                raise ServiceFailed(service, what, code, words)
            if code == MUST_NOT_RETURN:
                raise ServiceFailed(service, f"ended for good (status {code})", code, words)
            await self._pause(service, what, code, words)
            try:
                await self.start(child.launch)
            except ServiceFailed:
                child = self._children[service]
                if child.exit_code is None:
                    raise
                what = _ending(child.process.returncode)
            else:
                return

    async def _pause(self, service: str, what: str, code: int | None, words: str) -> None:
        """Wait as long as the policy says. Raises ServiceFailed where it allows no further restart."""
        pause_s = self._budget.spend(service, time.monotonic())
        if pause_s is None:
            policy = self._budget.policy
            what = f"{what} after {policy.restarts_max} restarts in {policy.window_s:g} s"
            raise ServiceFailed(service, what, code, words)
        self._tell("restarting", service, f"in {pause_s:g} s")
        await asyncio.sleep(pause_s)

    @staticmethod
    async def _wait(child: Child, deadline_s: float) -> None:
        # Polled: how a loop hears of a child's end differs by system, and a poll costs a microsecond.
        while child.exit_code is None and time.monotonic() < deadline_s:
            await asyncio.sleep(POLL_S)

    def _tell(self, kind: str, service: str, text: str) -> None:
        self._report(Event(kind=kind, service=service, text=text))


def launch_of(
    settings: ServiceSettings, extra: Mapping[str, str] | None = None, *, is_finite: bool = False
) -> Launch:
    """How ``python -m services.<name>`` is started with its own settings and nobody else's."""
    logs = settings.run_dir / "logs"
    return Launch(
        service=settings.service,
        command=(sys.executable, "-m", f"services.{settings.service}"),
        environment=_bare_environment() | settings.environment() | dict(extra or {}),
        directory=settings.run_dir,
        output=logs / f"{settings.service}.out",
        log=logs / f"{settings.service}.jsonl",
        is_finite=is_finite,
    )


def _bare_environment() -> dict[str, str]:
    """What every process gets: the caller's environment without any setting of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    path = os.pathsep.join(part for part in (str(ROOT), inherited.get("PYTHONPATH", "")) if part)
    return inherited | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _ending(exit_code: int) -> str:
    return f"was ended by signal {-exit_code}" if exit_code < 0 else f"exited with status {exit_code}"
