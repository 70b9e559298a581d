"""How a service process ends. See services/kit/process.py."""

import json
import os
import subprocess
import sys

import pytest

from services.kit.guard import ROOT
from services.kit.layout import Run
from services.kit.process import MustNotReturn, failure_in
from services.kit.restarts import MUST_NOT_RETURN
from services.kit.settings import ServiceSettings

SERVICE = """
import asyncio
from services.kit.process import MustNotReturn, run_service

async def fail():
    raise {failure}

async def serve(context):
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.Event().wait())
        tasks.create_task(fail())

run_service("feed", serve)
"""


@pytest.fixture
def ended(broker):
    """What a service that raises ``failure`` in one of its tasks leaves."""
    settings = ServiceSettings(
        service="feed", run_id="r", run_dir=broker.run_dir, nats_url=broker.url,
        seed_file=broker.seed_path("feed"),
    )  # fmt: skip

    def run(failure: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", SERVICE.format(failure=failure)],
            env=dict(os.environ) | settings.environment() | {"PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    return run


def test_a_failure_inside_a_group_of_tasks_is_told_by_itself(broker, ended):
    left = ended("OSError('the disk is full')")

    assert left.returncode == 1
    assert left.stderr == "feed: OSError: the disk is full\n"
    log = (Run(broker.run_dir).logs / "feed.jsonl").read_text().splitlines()
    failed = [json.loads(line) for line in log if '"service.failed"' in line]
    assert [line["cause"] for line in failed] == ["the disk is full"]


def test_a_service_that_must_not_return_says_so_by_its_status(ended):
    left = ended("MustNotReturn('another gate was first')")

    assert left.returncode == MUST_NOT_RETURN
    assert left.stderr == "feed: MustNotReturn: another gate was first\n"


def test_of_several_failures_the_first_is_told_and_one_that_must_not_return_before_all():
    first, other = OSError("first"), ValueError("other")
    final = MustNotReturn("final")

    assert failure_in(first) is first
    assert failure_in(ExceptionGroup("", [ExceptionGroup("", [first]), other])) is first
    assert failure_in(ExceptionGroup("", [first, ExceptionGroup("", [other, final])])) is final
