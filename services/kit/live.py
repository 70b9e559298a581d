"""The live file: what a stack that is up tells the commands beside it."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from services.kit.layout import Home
from services.kit.lock import is_held


class Live(Struct, frozen=True, kw_only=True):
    """A stack that is up, as ``live.json`` says.

    Attributes:
        pid: Of the process that holds the home.
        monitor_url: The broker's monitoring address; empty where the broker is not ours.
        broker_pid: Of the embedded broker; 0 where the broker is not ours.
        seeds: The folder of the credentials; empty on a broker without accounts.
        metrics_ports: Loopback port of each service's Prometheus endpoint; 0 for none.
        ts_started_ns: Wall time.
    """

    pid: int
    run_id: str
    nats_url: str
    monitor_url: str
    broker_pid: int
    seeds: str
    metrics_ports: dict[str, int]
    ts_started_ns: int

    def seed_file(self, principal: str) -> Path | None:
        """The file with the principal's seed; None on a broker without accounts."""
        return Path(self.seeds) / f"{principal}.nk" if self.seeds else None


def write(home: Home, live: Live) -> None:
    """Put the file in place at once, so that no reader sees half of it."""
    part = home.live.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(live), indent=2) + b"\n")
    part.replace(home.live)


def remove(home: Home) -> None:
    """Take the file away; it need not exist."""
    home.live.unlink(missing_ok=True)


def read(home: Home) -> Live | None:
    """What the file says, whether or not that stack still runs; None where nothing readable is."""
    try:
        return msgspec.json.decode(home.live.read_bytes(), type=Live)
    except (OSError, msgspec.MsgspecError):
        return None


def running(home: Home) -> Live | None:
    """The stack that is up on ``home``, or None. A file without a holder of the lock is stale."""
    live = read(home)
    return live if live is not None and is_held(home.lock) else None


def is_alive(pid: int) -> bool:
    """Whether a process of that id exists."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
