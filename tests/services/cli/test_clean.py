"""``penstock clean`` and ``penstock runs``. See services/cli/clean.py."""

import json

import pytest

from services.kit import live
from services.kit.folders import folder_bytes, people_bytes
from services.kit.layout import Home
from services.kit.live import Live
from services.kit.lock import HomeLock

RUNS = [f"2026112{day}T080000Z" for day in range(7)]


@pytest.fixture
def home(tmp_path):
    """A home with seven runs of 1,000 bytes; the newest is the current one."""
    home = Home(tmp_path / "home")
    for run_id in RUNS:
        home.run(run_id).create()
        (home.run(run_id).journal / "file.parquet").write_bytes(b"x" * 1_000)
    home.current.write_text(f"{RUNS[-1]}\n")
    return home


def test_without_a_word_it_keeps_the_newest_five_and_says_what_goes(penstock, home):
    ended = penstock("clean", "--yes")

    assert home.run_ids() == RUNS[2:]
    assert ended.out.endswith("removed 2 run(s), 2.0 kB\n")
    assert all(run_id in ended.out for run_id in RUNS[:2])


def test_it_asks_first_and_removes_nothing_on_a_no(penstock, home, monkeypatch):
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _text: "n")
    ended = penstock("clean", "--all")

    assert ended.status == 130
    assert home.run_ids() == RUNS


def test_named_runs_go_and_no_others(penstock, home):
    penstock("clean", RUNS[3], "--yes")

    assert home.run_ids() == [run_id for run_id in RUNS if run_id != RUNS[3]]


def test_the_run_of_a_stack_that_is_up_stays(penstock, home):
    with HomeLock(home.lock):
        penstock("clean", "--all", "--yes")
        assert home.run_ids() == [RUNS[-1]]

        ended = penstock("clean", RUNS[-1], "--yes")
        assert ended.status == 1
        assert f"run {RUNS[-1]} is up and stays" in ended.err

    penstock("clean", "--all", "--yes")
    assert home.run_ids() == []


def test_runs_tells_size_and_standing(penstock, home):
    stack = Live(
        pid=1, run_id=RUNS[-1], nats_url="", monitor_url="", broker_pid=0, seeds="", metrics_ports={},
        ts_started_ns=0,
    )  # fmt: skip
    with HomeLock(home.lock):
        live.write(home, stack)
        listed = json.loads(penstock("runs", "--json").out)

    assert [row["run_id"] for row in listed] == RUNS
    assert listed[0] == {
        "run_id": RUNS[0], "is_current": False, "is_live": False, "bytes": 1_000,
        "directory": str(home.run(RUNS[0]).directory),
    }  # fmt: skip
    assert listed[-1]["is_current"]
    assert listed[-1]["is_live"]
    assert "1.0 kB" in penstock("runs").out


def test_a_folder_s_size_is_that_of_its_files(tmp_path):
    (tmp_path / "a").write_bytes(b"12")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b").write_bytes(b"345")
    (tmp_path / "link").symlink_to(tmp_path / "a")

    assert folder_bytes(tmp_path) == 5


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 B"), (1_000, "1.0 kB"), (1_500_000, "1.5 MB"), (2e9, "2.0 GB")]
)
def test_sizes_read_as_people_say_them(count, text):
    assert people_bytes(count) == text
