"""Every code is specified, has words for a person, and is provoked by a test."""

import re

import pytest

from contracts.control import RefusalCode
from contracts.operations import DeadCause
from contracts.verdicts import _SENTENCES, DenyCode
from tests.tidy.repository import ROOT, files

SPECIFICATION = (ROOT / "risk" / "gate" / "README.md").read_text(encoding="utf-8")


# Tests that walk over every code, and so would name one that nothing ever gives.
NOT_PROOF = {"tidy", "contracts"}


def words_of_tests() -> set[str]:
    paths = [path for path in files("tests") if path.relative_to(ROOT / "tests").parts[0] not in NOT_PROOF]
    assert paths, "no tests of behaviour: has the tree moved?"
    return {word for path in paths for word in re.findall(r"\b[A-Z_]+\b", path.read_text(encoding="utf-8"))}


NAMED_IN_TESTS = words_of_tests()


@pytest.mark.parametrize("code", [*DenyCode, *RefusalCode])
def test_the_specification_names_the_code(code):
    assert f"`{code}`" in SPECIFICATION, f"risk/gate/README.md does not say when {code} is given"


def test_the_specification_names_no_code_that_does_not_exist():
    table = SPECIFICATION.split("## An intent, check by check")[1].split("\n- ")[0]
    found = set(re.findall(r"\| `([A-Z_]+)` \|", table))
    assert found == set(DenyCode)


@pytest.mark.parametrize("code", DenyCode)
def test_the_denial_has_a_sentence(code):
    assert _SENTENCES[code]


@pytest.mark.parametrize("code", [*DenyCode, *RefusalCode])
def test_a_test_provokes_the_code(code):
    assert code in NAMED_IN_TESTS, f"no test of the gate or the services names {code}"


@pytest.mark.parametrize("cause", DeadCause)
def test_a_test_provokes_the_dead_letter(cause):
    assert cause.name in NAMED_IN_TESTS, f"no test of the gate or the services names {cause.name}"
