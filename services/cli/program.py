"""How a person calls this program again, from the folder in which they stand."""

import os
import shutil
import sys
from pathlib import Path

from services.cli.options import DEFAULT_HOME
from services.kit.layout import Home


def program() -> str:
    """``penstock`` where the search path finds this installation's, else the path to it."""
    ours = Path(sys.executable).parent / "penstock"
    found = shutil.which("penstock")
    if found is not None and Path(found).parent.resolve() == ours.parent.resolve():
        return "penstock"
    if not ours.is_file():
        return f"{sys.executable} -m services.cli"
    here = Path.cwd()
    return os.path.relpath(ours, here) if ours.is_relative_to(here) else str(ours)


def program_on(home: Home) -> str:
    """The same with its ``--home``, where that is not the default one."""
    is_default = home.directory == Path(DEFAULT_HOME).expanduser()
    return program() if is_default else f"{program()} --home {home.directory}"
