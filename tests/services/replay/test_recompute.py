"""The pace of a replay: event time over wall time, where it was asked for."""

import pytest

from services.replay.inputs import write_inputs
from services.replay.recompute import Options, recompute
from services.replay.scene import START_NS, STEP_NS


@pytest.fixture
def inputs(short_run, tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    write_inputs(short_run, folder)
    return folder


def test_as_fast_as_possible_never_sleeps(inputs, tmp_path):
    def refuse(seconds):
        raise AssertionError(f"slept {seconds}")

    assert recompute(inputs, tmp_path / "out", Options(), refuse).ticks > 0


def test_a_speed_paces_between_two_event_times_and_not_outside(inputs, tmp_path, monkeypatch):
    now, slept = [100.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("services.replay.recompute.time.monotonic", lambda: now[0])
    from_ns, to_ns = START_NS + 20 * STEP_NS, START_NS + 60 * STEP_NS

    recompute(inputs, tmp_path / "out", Options(speed=2.0, from_ns=from_ns, to_ns=to_ns), sleep)

    assert sum(slept) == pytest.approx(2.0, abs=0.1)  # 4 s of event time at twice the speed
    assert max(slept) <= 0.5
