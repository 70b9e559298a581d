"""The proof of replay, on a run of seconds: it holds, and it would say where it did not."""

import pytest

from services.prove import replay
from services.prove.doctored import Flip

LIVE = replay._live


@pytest.fixture(autouse=True)
def a_small_run(monkeypatch):
    monkeypatch.setattr(replay, "STEPS", {"S": 150})
    monkeypatch.setattr(replay, "SNAPSHOT_EVERY", {"S": 10})
    monkeypatch.setattr(replay, "RERUNS", ((7, "3"),))
    monkeypatch.setattr(replay, "_live", lambda *_: 0)


def test_holds_and_says_so_in_one_line(monkeypatch):
    monkeypatch.setattr(replay, "FLIPS", replay.FLIPS[1:4:2])
    lines = []

    result = replay.prove("S", 1, lines.append)

    assert result.passed, result.figure
    assert "2 of 2 flips found and named" in result.figure
    assert "4 of 4 streams missed when gone" in result.figure
    assert result.detail["replays"] == 2
    assert any("snapshot at" in line for line in lines)


def test_a_flip_that_nothing_finds_disproves_it(monkeypatch):
    volatile = Flip("trades", "ts_recv_ns", 0, lambda ns: ns + 1)
    monkeypatch.setattr(replay, "RERUNS", ())
    monkeypatch.setattr(replay, "FLIPS", (volatile,))

    result = replay.prove("S", 1, lambda _: None)

    assert not result.passed
    assert "trades.ts_recv_ns" in result.figure
    assert "was not found" in result.figure


def test_a_stream_that_nobody_misses_disproves_it(monkeypatch):
    monkeypatch.setattr(replay, "RERUNS", ())
    monkeypatch.setattr(replay, "FLIPS", ())
    monkeypatch.setattr(replay, "_take_out", lambda *_: None)

    result = replay.prove("S", 1, lambda _: None)

    assert not result.passed
    assert "VERDICTS was taken out of the journal and not missed" in result.figure


def test_a_run_without_a_snapshot_disproves_it(monkeypatch):
    monkeypatch.setattr(replay, "SNAPSHOT_EVERY", {"S": 0})

    result = replay.prove("S", 1, lambda _: None)

    assert (result.passed, result.figure) == (False, "the recovery found no usable snapshot")


def test_a_live_run_that_does_not_start_disproves_it_with_its_last_line(monkeypatch, tmp_path):
    monkeypatch.setattr(replay, "LIVE", {"S": (0, 20)})

    with pytest.raises(replay.Disproved, match="the live run ended with status 2"):
        LIVE(tmp_path / "home", "S", lambda _: None)
