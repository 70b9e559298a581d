"""One short run, rehearsed once, and verification without a second process."""

import pytest

from services.kit.layout import Run
from services.prove.doctored import copy_of
from services.replay import verify as verifying
from services.replay.recompute import Options, recompute
from services.replay.rehearsal import Rehearsal
from services.replay.scene import play


@pytest.fixture(scope="session")
def short_run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("short") / "run")
    with Rehearsal(run, snapshot_every=10) as rehearsal:
        play(rehearsal, seed=14, steps=110)
    return run


@pytest.fixture
def a_copy(short_run, tmp_path):
    return copy_of(short_run, tmp_path / "copy")


@pytest.fixture
def in_process(monkeypatch):
    """The child's work in this process: the same function, without starting an interpreter."""

    def run_here(inputs, outputs, environment):
        options = verifying.msgspec.json.decode((inputs / verifying.OPTIONS).read_bytes(), type=Options)
        return recompute(inputs, outputs, options)

    monkeypatch.setattr(verifying, "_run_child", run_here)
