"""A subject is spelled in ``contracts/subjects.py`` and nowhere else."""

import ast
import re

import pytest

from contracts import subjects
from tests.tidy.repository import ROOT, docstrings, package_files, shown, tree

HOME = ROOT / "contracts" / "subjects.py"


def families() -> set[str]:
    """The literal tokens that each family starts with, such as ``intent.proposed``."""
    return {re.split(r"\.<", template)[0] for template in subjects.TEMPLATES}


# The whole constant is one subject, a wildcard or the front of an f-string: words with spaces are prose.
SUBJECT = re.compile(rf"^({'|'.join(re.escape(name) for name in sorted(families()))})(\.[^\s/]*)?$")
ONE_TOKEN = {"tool", "feat", "control", "audit", "job", "dead"}


def literals(path):
    documentation = docstrings(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation:
            yield node.lineno, node.value


@pytest.mark.parametrize("text", ["intent.proposed.trend.ES", "md.clock", "risk.state", "control.", "dead.*"])
def test_recognises_a_subject(text):
    assert SUBJECT.match(text)


@pytest.mark.parametrize("text", ["risk.gate", "risk.limits_file", "the md.clock subject", "intent.v1"])
def test_leaves_other_words_alone(text):
    assert not SUBJECT.match(text)


def test_no_subject_is_spelled_outside_its_home():
    assert any(SUBJECT.match(text) for _, text in literals(HOME)), f"no subjects in {shown(HOME)}"
    wrong = [
        f"{shown(path)}:{line}: {text!r}"
        for path in package_files()
        if path != HOME
        for line, text in literals(path)
        if SUBJECT.match(text) and text not in ONE_TOKEN
    ]
    assert not wrong, "spell subjects in contracts/subjects.py:\n" + "\n".join(wrong)
