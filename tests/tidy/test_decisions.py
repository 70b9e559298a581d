"""Every decision record says what it decides, why, and what follows; the index names them all."""

import re

import pytest

from tests.tidy.repository import ROOT, files

RECORDS = [path for path in files("ops/adr", "*.md") if path.name != "README.md"]
SECTIONS = ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_a_number_a_status_and_three_sections(path):
    text = path.read_text(encoding="utf-8")
    number = path.stem.split("-", maxsplit=1)[0]
    assert re.match(rf"# {number}\. \S.*\n\nStatus: (accepted|replaced by \d{{4}})", text)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    for section in SECTIONS:
        body = text.split(f"## {section}\n")[1].split("\n## ")[0]
        assert len(body.split()) > 15, f"{section} says nothing"


def test_the_numbers_run_from_one_without_holes():
    assert [path.stem[:4] for path in RECORDS] == [f"{number:04}" for number in range(1, len(RECORDS) + 1)]


def test_the_index_names_every_record_by_its_title():
    index = (ROOT / "ops" / "adr" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[\d{4}\]\((\S+\.md)\) \| (.*) \|$", index, re.MULTILINE))
    titles = {
        path.name: path.read_text(encoding="utf-8").splitlines()[0].split(". ", 1)[1] for path in RECORDS
    }
    assert rows == titles
