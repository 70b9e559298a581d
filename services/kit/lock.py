"""The home's lock: at the most one stack is up on a home."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ATTEMPTS = 4
"""``is_held`` takes the lock for an instant: a stack that starts just then tries again."""

PAUSE_S = 0.05


class HomeBusy(RuntimeError):
    """Another process holds the home.

    Attributes:
        home: The folder.
        pid: Who holds it; 0 where it has not said.
    """

    def __init__(self, home: Path, pid: int) -> None:
        self.home, self.pid = home, pid
        who = f"pid {pid}" if pid else "another process"
        stop = f"`kill {pid}`" if pid else "stop it"
        super().__init__(
            f"a stack is already up on {home} ({who}); end it with Ctrl-C in its window or {stop}, "
            f"or choose another --home"
        )


class HomeLock:
    """An exclusive lock that the system releases when its process ends, however it ends.

    Attributes:
        path: ``Home.lock``; holds the pid of the holder as text.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Take it. Raises HomeBusy."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        for attempt in range(ATTEMPTS):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == ATTEMPTS - 1:
                    os.close(self._descriptor)
                    raise HomeBusy(self.path.parent, holder(self.path)) from None
                time.sleep(PAUSE_S)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)  # closing releases it; the file stays, or two could hold two files
        self._descriptor = -1


def holder(path: Path) -> int:
    """The pid that the lock file names, or 0."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def is_held(path: Path) -> bool:
    """Whether a process holds the lock just now."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
