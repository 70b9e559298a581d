"""What the README shows can be typed: every command parses, every link leads somewhere."""

import re
import shlex

import click
import pytest

from contracts.verdicts import DenyCode
from ops.readme import BEGIN, END
from services.cli.app import app
from tests.tidy.repository import ROOT, files

README = (ROOT / "README.md").read_text(encoding="utf-8")
BEFORE, _, AFTER = README.partition(BEGIN)
SAMPLE, _, AFTER = AFTER.partition(END)
REST = BEFORE + AFTER
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def console_lines(text: str) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks, "no console blocks: has the README changed its shape?"
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("line", console_lines(REST))
def test_every_command_can_be_typed(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r"\bmy[a-z-]*\.(?:csv|json)\b", line):
        (tmp_path / name).touch()
    assert line.startswith("$ "), f"a console block outside the sample holds commands only: {line!r}"
    program, *arguments = shlex.split(line.removeprefix("$ "))
    if program == "make":
        assert set(arguments) <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
        return
    assert program == "penstock", f"nothing checks {program!r}"
    parse(app, arguments)


def parse(command: click.Command, arguments: list[str]) -> None:
    """Parse as the command line would, down to the last option, and run nothing."""
    context = command.make_context(command.name or "penstock", list(arguments))
    if isinstance(command, click.Group):
        name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None, f"no command {name}"
        parse(inner, rest)


@pytest.mark.parametrize("path", files("", "*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_folder_of_the_layout_exists():
    layout = README.split("## How it is laid out")[1].split("```")[1]
    named = re.findall(r"^([a-z]+)/", layout, re.MULTILINE)
    assert len(named) == 7
    for folder in named:
        assert (ROOT / folder).is_dir()


def test_the_first_screen_says_what_it_is_and_how_to_see_it():
    """One sentence, one picture, two commands, before anything else."""
    first = README.splitlines()[:26]
    assert first[0] == "# Penstock"
    assert "$ make demo" in first
    assert "$ make test" in first


SHAPES = {
    "run": r"run \S+ on nats://127\.0\.0\.1:\d+",
    "counts": r"  ticks          [\d,]+ real, [\d,]+ synthetic",
    "features": r"  features       [\d,]+ rows; [\d,]+ bars",
    "intents": r"  intents        [\d,]+",
    "verdicts": r"  verdicts       [\d,]+",
    "approved": r"    APPROVED +[\d,]+",
    "denied": r"    DENIED RESTRICTED +[\d,]+",
    "lots": r"  approved lots  [\d,]+ in [\d,]+ verdicts of \w+ in ES",
    "breaker": r"  breaker        invalid_input of drill: CLOSED -> OPEN .*",
    "hash": r"  replay hash    [0-9a-f]{64}",
    "chain": r"  gate chain     [0-9a-f]{64} at sequence \d+",
    "next": r"  \S*penstock replay \S+ --verify",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_sample_is_a_demos_own_output(shape):
    found = [line for line in SAMPLE.splitlines() if re.fullmatch(shape, line)]
    assert found, f"the sample has no line like {shape!r}; `make readme` writes it from a real run"


def test_the_sample_names_only_codes_that_exist():
    codes = re.findall(r"DENIED ([A-Z_]+)", SAMPLE)
    assert codes
    assert set(codes) <= set(DenyCode)


def test_the_samples_verdicts_add_up():
    rows = re.findall(r"^    (?:APPROVED|DENIED [A-Z_]+) +([\d,]+)$", SAMPLE, re.MULTILINE)
    (total,) = re.findall(r"^  verdicts       ([\d,]+)$", SAMPLE, re.MULTILINE)
    assert sum(number(row) for row in rows) == number(total)


def number(text: str) -> int:
    return int(text.replace(",", ""))
