"""The demo end to end, in its fast form: what it prints, and that its record replays."""

import os
import re
import subprocess
import sys

import pytest

from ops.readme import BEGIN, END
from tests.tidy.repository import ROOT

pytestmark = pytest.mark.timeout(240)

LABEL = re.compile(r"^  (\w+(?: \w+)?)  +\S", re.MULTILINE)


def penstock(*arguments: str, home: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return subprocess.run(
        [sys.executable, "-m", "services.cli", "--home", home, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def printed(home):
    result = penstock("demo", "--fast", home=home)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def summary(text: str) -> str:
    return text.split("\nFrom the journal of run ")[1].split("\nNext:", maxsplit=1)[0]


def test_the_demo_prints_what_the_readme_shows(printed):
    """Structure only: figures and times are each run's own."""
    sample = (ROOT / "README.md").read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert set(LABEL.findall(summary(printed))) == set(LABEL.findall(summary(sample)))


def test_the_demo_approves_forbids_and_trips_a_breaker(printed):
    found = summary(printed)
    assert re.search(r"^    APPROVED +[1-9]", found, re.MULTILINE)
    assert re.search(r"^    DENIED RESTRICTED +[1-9]", found, re.MULTILINE)
    assert "breaker        invalid_input of drill: CLOSED -> OPEN" in found


def test_the_record_of_the_demo_replays_to_the_same_hash(printed, home):
    (replay_hash,) = re.findall(r"^  replay hash +([0-9a-f]{64})$", printed, re.MULTILINE)
    result = penstock("replay", "--verify", home=home)
    assert result.returncode == 0, result.stdout + result.stderr
    assert replay_hash in result.stdout
