"""The command line in this process: arguments in, status and lines out."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from services.cli.main import run


class Ended(NamedTuple):
    """What a command left: its status, and what it wrote."""

    status: int
    out: str
    err: str


Penstock = Callable[..., Ended]


@pytest.fixture
def penstock(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Penstock:
    """``penstock("schema", "verdict")`` on a home of this test alone."""

    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            status = run(["--home", str(tmp_path / "home"), *arguments])
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Ended(status, out, err)

    return call
