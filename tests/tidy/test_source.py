"""Small habits of the source: short files, no leftovers, silent libraries."""

import ast
import io
import re
import tokenize

import pytest

from tests.tidy.repository import PACKAGES, ROOT, files, package_files, shown, tree

LINES_MAX = 400
STREAMS_MODULES_MAX = 64  # eight nouns, eight modules each; beyond it a noun moves out
LEFT_OPEN = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b")
EXCUSES = re.compile(r"(type: ignore|noqa)\s*$|pragma: no cover")
BARE_SKIP = re.compile(r"pytest\.(mark\.)?(skip|xfail)(\(\s*\))?\s*$", re.MULTILINE)


def python_files():
    return [*package_files(), *files("tests")]


def comments(path):
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_no_file_is_long():
    long = {shown(path): count for path in python_files() if (count := line_count(path)) > LINES_MAX}
    assert not long, f"over {LINES_MAX} lines; which noun hides in each? {long}"


def line_count(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def test_streams_is_not_a_drawer():
    found = [path for path in files("streams") if path.name != "__init__.py"]
    assert len(found) <= STREAMS_MODULES_MAX, f"streams/ has {len(found)} modules; split it by noun"


def test_nothing_is_left_open():
    wrong = [
        f"{shown(path)}:{line}: {text}"
        for path in python_files()
        for line, text in comments(path)
        if LEFT_OPEN.search(text)
    ]
    assert not wrong, "finish it, or file it elsewhere:\n" + "\n".join(wrong)


def test_every_suppression_says_which_rule_it_suppresses():
    wrong = [
        f"{shown(path)}:{line}: {text}"
        for path in python_files()
        for line, text in comments(path)
        if EXCUSES.search(text)
    ]
    assert not wrong, "name the rule, and the reason:\n" + "\n".join(wrong)


def test_no_code_is_commented_out():
    wrong = [
        f"{shown(path)}:{line}: {text}"
        for path in python_files()
        for line, text in comments(path)
        if is_statement(text.lstrip("# "))
    ]
    assert not wrong, "delete it; the history keeps it:\n" + "\n".join(wrong)


def is_statement(text: str) -> bool:
    """Whether a comment reads as code: a whole statement that no sentence looks like."""
    try:
        (node,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    match node:
        case (
            ast.Assign()
            | ast.AugAssign()
            | ast.Import()
            | ast.ImportFrom()
            | ast.Return(value=ast.expr())
            | ast.Assert()
        ):
            return True
        case ast.Expr(value=ast.Call() | ast.Await()):
            return True
    return False


@pytest.mark.parametrize("text", ["x = 1", "import os", "await bus.close()", "self.flush()", "return found"])
def test_recognises_code(text):
    assert is_statement(text)


@pytest.mark.parametrize("text", ["Bounded: a storm must not leak.", "order", "one per key", "fmt: skip"])
def test_recognises_words(text):
    assert not is_statement(text)


def test_libraries_are_silent():
    """Only the command line prints; everything else logs, returns or raises."""
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for package in PACKAGES
        for path in files(package)
        if not path.is_relative_to(ROOT / "services" / "cli")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "breakpoint"}
    ]
    assert not wrong, "print belongs to services/cli:\n" + "\n".join(wrong)


def test_every_skip_has_a_reason():
    wrong = [shown(path) for path in files("tests") if BARE_SKIP.search(path.read_text(encoding="utf-8"))]
    assert not wrong, f"say why it is skipped: {wrong}"


def test_test_folders_are_no_packages():
    wrong = [shown(path) for path in (ROOT / "tests").rglob("__init__.py")]
    assert not wrong, f"tests are imported by path: {wrong}"
