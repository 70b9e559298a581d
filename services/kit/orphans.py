"""Orphans: a child whose parent was killed is told to stop, where the system can do that.

Without it a ``kill -9`` of the supervisor would leave services that hold the broker's data.
"""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask Linux to send SIGTERM when the thread that started this process ends.

    Runs between fork and exec, so it does one system call and nothing else. Start processes from
    the main thread: another thread's end would count as the parent's. Elsewhere it does nothing.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
