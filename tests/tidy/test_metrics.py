"""Every metric is declared in one file, well named, and used."""

import ast
import re

import pytest

from ops.telemetry.metrics import Metrics
from tests.tidy.repository import ROOT, package_files, tree

HOME = ROOT / "ops" / "telemetry" / "metrics.py"
NAME = re.compile(r"^(penstock|risk|streams|llm|ops)_[a-z_]+$")


def declared() -> dict[str, object]:
    """Attribute names of the metrics with the collectors they hold."""
    found = {name: value for name, value in vars(Metrics("tidy")).items() if hasattr(value, "describe")}
    found.pop("registry", None)
    assert found, "no metrics: has ops/telemetry/metrics.py changed its shape?"
    return found


def is_metrics(node: ast.expr) -> bool:
    """``metrics``, ``self._metrics`` or ``context.metrics``."""
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return name.lstrip("_") == "metrics"


@pytest.mark.parametrize("attribute", declared())
def test_every_declared_metric_is_used(attribute):
    users = [
        path
        for path in package_files()
        if path != HOME
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == attribute and is_metrics(node.value)
    ]
    touched_at_birth = re.search(
        rf"self\.{attribute}\.(labels|set|inc|observe)", HOME.read_text(encoding="utf-8")
    )
    assert users or touched_at_birth, f"nobody uses Metrics.{attribute}"


def test_metrics_are_declared_in_one_file_only():
    kinds = {"Counter", "Gauge", "Histogram", "Summary", "Info"}
    wrong = [
        str(path.relative_to(ROOT))
        for path in package_files()
        if path != HOME
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "prometheus_client"
        and kinds & {alias.name for alias in node.names}
    ]
    assert not wrong, f"declare metrics in ops/telemetry/metrics.py, not in {wrong}"


@pytest.mark.parametrize("attribute", declared())
def test_a_metric_is_named_package_noun_unit_and_explains_itself(attribute):
    (family,) = declared()[attribute].describe()
    assert NAME.match(family.name), f"{family.name} does not begin with a package"
    assert family.documentation
    assert not family.name.endswith(("_ms", "_ns", "_us", "_kb", "_mb")), "base units: seconds, bytes"
