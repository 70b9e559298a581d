"""Who may import whom, kept true by a test rather than by reviewers."""

import pytest

from tests.tidy.repository import ROOT, Import, files, imports, package_files, reached_from, shown

MAY_IMPORT = {
    "contracts": (),
    "risk": ("contracts",),
    "streams": ("contracts",),
    "llm": ("contracts",),
    "ops": ("contracts", "streams.bus"),
    "services": ("contracts", "risk", "streams", "llm", "ops"),
}
COMPOSE_SERVICES = {"cli", "replay", "prove", "bench", "backtest"}

# Anything here would let the same intents produce a different verdict tomorrow, or elsewhere.
IMPURE = {"asyncio", "datetime", "nats", "numba", "numpy", "os", "random", "socket", "time", "uuid"}
NUMPY_MAY_ENTER = {"portfolio", "scenario"}


def within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_dependencies_point_one_way(package):
    allowed = (package, *MAY_IMPORT[package])
    ours = tuple(MAY_IMPORT)
    wrong = [
        found
        for path in files(package)
        for found in imports(path)
        if within(found.module, ours) and not within(found.module, allowed)
    ]
    assert not wrong, report(wrong, f"{package} may import {', '.join(allowed)}")


def test_risk_has_no_clock_no_randomness_and_no_io_however_deep():
    roots = [
        path for path in files("risk") if path.relative_to(ROOT / "risk").parts[0] not in NUMPY_MAY_ENTER
    ]
    reached = reached_from(roots)
    assert len(reached) > len(roots), "risk imports nothing: has the tree moved?"
    wrong = [
        found for path in sorted(reached) for found in imports(path) if found.module.split(".")[0] in IMPURE
    ]
    assert not wrong, report(wrong, "reached from risk/, which is deterministic")


def test_no_service_imports_another():
    wrong = []
    for path in files("services"):
        parts = path.relative_to(ROOT / "services").parts
        own = parts[0] if len(parts) > 1 else ""
        for found in imports(path):
            target = found.module.split(".")
            if target[0] != "services" or len(target) < 2 or own in COMPOSE_SERVICES:
                continue
            if target[1] not in {own, "kit"}:
                wrong.append(found)
    assert not wrong, report(wrong, "services meet on subjects; only services.kit is shared")


def test_the_oracle_imports_nothing_that_it_judges():
    roots = files("services/prove/oracle")
    wrong = [path for path in reached_from(roots) if path.is_relative_to(ROOT / "risk")]
    assert not wrong, "the oracle reaches " + ", ".join(shown(path) for path in wrong)


def test_only_the_bus_imports_the_nats_client():
    users = [
        found for path in package_files() for found in imports(path) if found.module.split(".")[0] == "nats"
    ]
    assert users, "nobody imports nats: has the bus moved?"
    wrong = [found for found in users if not found.path.is_relative_to(ROOT / "streams" / "bus")]
    assert not wrong, report(wrong, "only streams/bus speaks NATS")


def report(wrong: list[Import], rule: str) -> str:
    return f"{rule}:\n" + "\n".join(map(str, wrong))
