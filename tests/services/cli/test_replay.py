"""``penstock replay --verify`` ends with status 0 only where a whole run is as recorded."""

import json

import pytest
from click.testing import CliRunner

from services.cli.app import app
from services.kit.layout import Home
from services.prove.doctored import Flip, flip
from services.replay import verify as verifying
from services.replay.recompute import Options, recompute
from services.replay.rehearsal import Rehearsal
from services.replay.scene import play
from streams.journal.ends import forget_ends


@pytest.fixture
def run(tmp_path, monkeypatch):
    def run_here(inputs, outputs, environment):
        return recompute(inputs, outputs, Options())

    monkeypatch.setattr(verifying, "_run_child", run_here)
    run = Home(tmp_path).run("r1")
    with Rehearsal(run) as rehearsal:
        play(rehearsal, seed=3, steps=40)
    return run


def replay(run, *options):
    home = str(run.directory.parents[1])
    return CliRunner().invoke(app, ["--home", home, "replay", "r1", *options])


def test_a_run_that_stopped_cleanly_is_as_recorded(run):
    done = replay(run, "--verify")

    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "run r1 is as recorded"


def test_a_run_that_did_not_is_incomplete_and_has_to_be_allowed(run):
    forget_ends(run.journal)

    done = replay(run, "--verify")
    assert done.exit_code == 1
    assert "run r1 IS INCOMPLETE" in done.output.splitlines()[-1]
    assert replay(run, "--verify", "--allow-incomplete").exit_code == 0
    assert "did not stop cleanly" in json.loads(replay(run, "--json").stdout)["incomplete"]


def test_what_is_wrong_is_not_allowed_by_that(run):
    forget_ends(run.journal)
    flip(run, Flip("features", "price", 0, lambda price: price + 1))

    done = replay(run, "--verify", "--allow-incomplete")

    assert done.exit_code == 1
    assert "IS NOT AS RECORDED" in done.output


def test_a_range_that_holds_nothing_is_a_mistake_and_no_success(run):
    done = replay(run, "--verify", "--from", "2090-01-01")

    assert done.exit_code == 2
    assert "nothing to compare" in done.output
