"""What a stranger meets: help, one-line errors, exit statuses. See services/cli/main.py."""

import subprocess
import sys

import click
import pytest

from services.cli.app import app
from services.kit.guard import ROOT

HEAVY = ("numba", "numpy", "duckdb", "nats", "pyarrow", "rich", "prometheus_client", "structlog")
COMMANDS = list(app.commands)


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith("\n")


def test_the_commands_are_those_that_the_help_names():
    assert COMMANDS == [
        "demo", "up", "feed", "watch", "status", "query", "replay", "runs", "kill", "reduce", "reset",
        "schema", "doctor", "clean", "bench", "prove",
    ]  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_s_help_explains_it_and_shows_an_example(penstock, name):
    ended = penstock(name, "--help")

    assert ended.status == 0
    assert f"penstock {name}" in ended.out.split("Example", 1)[1]
    paragraphs = (app.commands[name].help or "").split("\n\n")
    assert len(paragraphs[1]) > 80, "no paragraph that explains it"


def test_help_loads_nothing_that_is_slow_to_load():
    code = (
        "import sys; from services.cli.main import run; run(['--help']); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ended.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("upp",), "no command 'upp'; did you mean up?"),
        (("frobnicate",), "there is: "),
        (("up", "--new"), "Did you mean '--new-run'?"),
        (("up", "--frobnicate"), "`penstock up --help` shows what would work"),
        (("schema", "verdct"), "no schema 'verdct'; did you mean verdict.v1?"),
        (("prove", "gat"), "no proof 'gat'; did you mean gate?"),
        (("bench", "nothing"), "no bench 'nothing'; there is: "),
        (("query", "--run", "r", "select 1"), "no run 'r'; there is none yet"),
        (("watch", "verdict"), "did you mean verdicts?"),
        (("watch", "md..ES"), "no subject 'md..ES'"),
        (("clean", "r"), "no run 'r'"),
        (("kill",), "Missing option '--as'"),
        (("clean", "--keep", "1", "--all"), "one of the three"),
        (("feed", "--speed", "fast"), "--speed is 'fast'; expected a number above 0"),
        (("demo", "--speed", "0"), "0"),
        (("query", "--json", "--csv", "select 1"), "one of --json and --csv"),
        (("up", "--limits", "/no/such/file"), "does not exist"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_ends_with_2_and_one_line_that_says_what_would_work(penstock, arguments, says):
    ended = penstock(*arguments)

    assert ended.status == 2
    assert ended.out == ""
    assert one_line(ended.err), ended.err
    assert ended.err.startswith("penstock: ")
    assert says in ended.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("query", "select 1"), "has no run yet; `penstock demo` or `penstock up` makes one"),
        (("watch",), "no stack is up on"),
        (("feed",), "no stack is up on"),
        (("kill", "--as", "operator1", "--reason", "r"), "no stack is up on"),
    ],
)
def test_what_is_missing_outside_ends_with_1_and_one_line(penstock, arguments, says):
    ended = penstock(*arguments)

    assert ended.status == 1
    assert one_line(ended.err), ended.err
    assert says in ended.err


def test_a_missing_wheel_is_told_in_one_line(penstock, monkeypatch, tmp_path):
    (tmp_path / "home" / "runs" / "r").mkdir(parents=True)
    monkeypatch.delitem(sys.modules, "services.cli.asking", raising=False)
    monkeypatch.setitem(sys.modules, "duckdb", None)

    ended = penstock("query", "--run", "r", "select 1")

    assert ended.status == 1
    assert one_line(ended.err), ended.err
    assert "duckdb" in ended.err
    assert "`penstock doctor` shows what is missing" in ended.err


def test_a_defect_of_ours_is_one_line_that_says_how_to_see_more(penstock, monkeypatch):
    @click.command()
    def broken() -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setitem(app.commands, "broken", broken)
    monkeypatch.delenv("PENSTOCK_TRACEBACK", raising=False)
    ended = penstock("broken")

    assert ended.status == 1
    assert ended.err == "penstock: ZeroDivisionError: a defect (PENSTOCK_TRACEBACK=1 shows where)\n"

    monkeypatch.setenv("PENSTOCK_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        penstock("broken")


def test_the_home_may_stand_before_or_behind_the_command(penstock, tmp_path):
    (tmp_path / "other" / "runs" / "r1").mkdir(parents=True)

    assert "r1" not in penstock("runs").out
    assert "r1" in penstock("runs", "--home", str(tmp_path / "other")).out


def test_the_home_may_come_from_the_environment(tmp_path):
    (tmp_path / "runs" / "r1").mkdir(parents=True)
    ended = subprocess.run(
        [sys.executable, "-m", "services.cli", "runs", "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PENSTOCK_HOME": str(tmp_path), "PATH": ""},
    )  # fmt: skip

    assert '"run_id": "r1"' in ended.stdout
