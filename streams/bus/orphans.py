"""Orphans: a child process whose parent was killed is told to stop, where the system can do that.

Without it a ``kill -9`` of whoever started the broker and the services would leave a broker that
still writes to a run's data, and the next one would write beside it.
"""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask Linux to send SIGTERM when the thread that started this process ends.

    Runs between fork and exec (``preexec_fn``), so it does one system call and nothing else. Start
    processes from the main thread: another thread's end would count as the parent's. On other
    systems it does nothing.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
