"""Every environment variable that the code reads is documented, and the other way round."""

import re

from services.feed import settings as feed
from tests.tidy.repository import ROOT, files, package_files

VARIABLE = re.compile(r"\bPENSTOCK_[A-Z][A-Z0-9_]*\b")


def documented() -> set[str]:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    found = set(re.findall(r"^(PENSTOCK_[A-Z0-9_]+)=", text, re.MULTILINE))
    assert found, ".env.example names no variable"
    return found


def read_in(paths) -> set[str]:
    found = {name for path in paths for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    prefixes = {name for name in found if name.endswith("_")}
    assert prefixes <= {feed.PREFIX}, "a second family of variables: name its members here"
    return found - prefixes | {f"{feed.PREFIX}{option.upper()}" for option in feed.OPTIONS}


def asked_by_tests() -> set[str]:
    """Tests also spell variables that do not exist, to see them refused: only look-ups count."""
    asked = re.compile(r"""(?:environ(?:\.get)?|getenv)[\[(]["'](PENSTOCK_[A-Z0-9_]+)""")
    return {name for path in files("tests") for name in asked.findall(path.read_text(encoding="utf-8"))}


def test_the_example_names_every_variable_that_the_code_reads():
    missing = (read_in(package_files()) | asked_by_tests()) - documented()
    assert not missing, f"explain in .env.example: {sorted(missing)}"


def test_the_example_names_no_variable_that_nothing_reads():
    stale = documented() - read_in([*package_files(), *files("tests"), ROOT / ".ci" / "run"])
    assert not stale, f"nothing reads {sorted(stale)}; remove them from .env.example"


def test_the_example_explains_each_variable():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if VARIABLE.match(line):
            above = lines[number - 1]
            assert above.startswith("#") or VARIABLE.match(above), f"{line} has no comment above it"
