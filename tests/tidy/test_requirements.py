"""The locked requirements: exact, hashed, and the same wherever they are installed."""

import re
from functools import cache
from itertools import pairwise

import pytest

from tests.tidy.repository import ROOT
from tests.tidy.test_packages import canonical, project

LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ \\]+)( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


@cache
def lines(name: str) -> tuple[str, ...]:
    found = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert len(found) > 20, f"{name} is empty; `make lock` writes it"
    return tuple(found)


def pins(name: str) -> dict[str, str]:
    return {match[1]: match[2] for line in lines(name) if (match := PIN.match(line))}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_pins_and_hashes_and_nothing_else(name):
    """No index address, no local path, no find-links: those would tie it to one machine."""
    wrong = [
        line
        for line in lines(name)
        if not (line.startswith(("#", "    #")) or PIN.match(line) or HASH.match(line))
    ]
    assert not wrong, f"{name} holds more than pins and hashes: {wrong}"
    assert not [line for line in lines(name) if "://" in line or "/opt" in line or "file:" in line]


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name):
    found = lines(name)
    bare = [line for line, following in pairwise(found) if PIN.match(line) and not HASH.match(following)]
    assert not bare, f"{name}: no hash after {bare}"


def test_the_locks_agree_with_each_other():
    base, development, build = (
        pins("requirements.lock"),
        pins("requirements-dev.lock"),
        pins("requirements-build.lock"),
    )
    assert base.items() <= development.items()
    assert build.items() <= base.items()


def test_the_locks_hold_what_the_project_asks_for():
    asked = project()
    base = {canonical(item) for item in asked["project"]["dependencies"]}
    assert base <= pins("requirements.lock").keys()
    tools = {canonical(item) for item in asked["project"]["optional-dependencies"]["dev"]}
    assert base | tools <= pins("requirements-dev.lock").keys()
    build = {canonical(item) for item in asked["dependency-groups"]["build"]}
    assert build <= pins("requirements-build.lock").keys()
    assert {canonical(item) for item in asked["build-system"]["requires"]} <= build
