"""Confinement of the replaying process: it opens its two folders, and what Python needs to run.

An audit hook cannot be taken off again, and Python asks it before any file is opened. It does not
hear of files that a library opens by itself; ours hand opened files to such libraries.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.kit.guard import PACKAGES, ROOT

_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")
SYSTEM = (
    "/dev/null",
    "/dev/urandom",
    "/etc",
    "/proc",
    "/sys",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
)
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR")
"""What the child's environment takes over from its parent's: how to find libraries and kernels."""


class Outside(PermissionError):
    """The replaying process asked for something that is not its own.

    Attributes:
        path: What it asked for.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"a replay reads its inputs and writes its outputs; it asked for {path}")


def bare_environment(own: Mapping[str, str], home: Path) -> dict[str, str]:
    """The variables of a child that knows of no home but an empty one, and of the compiled kernels."""
    cache = own.get("XDG_CACHE_HOME") or str(Path(own.get("HOME", "/")) / ".cache")
    passed = {name: own[name] for name in PASSED_ON if name in own}
    return passed | {"HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": cache}


def confine(folders: Iterable[Path]) -> None:
    """From here on this process opens and lists these folders and its interpreter's; for good."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "/nonexistent")) / "penstock"
    chosen = [Path(value) for name in ("NUMBA_CACHE_DIR", "TMPDIR") if (value := os.environ.get(name))]
    interpreter = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent]
    packages = [ROOT / name for name in PACKAGES]
    roots = [*folders, cache, *chosen, *interpreter, *packages, *map(Path, SYSTEM)]
    inside = tuple(dict.fromkeys(os.path.realpath(root) for root in roots))
    searched = {os.path.realpath(entry) for entry in sys.path}

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.connect":
            raise Outside(f"the network: {arguments[1]!r}")
        if event not in {"open", "os.listdir", "os.scandir"} or isinstance(arguments[0], int):
            return
        path = os.path.realpath(os.fsdecode(arguments[0] or "."))  # type: ignore[arg-type]  # a path
        if event != "open" and path in searched:
            return
        if not any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in inside):
            raise Outside(path)

    sys.addaudithook(hear)
