"""The benches: found by module in ``services.bench``, each with its ``CASES``."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

import msgspec
from msgspec import Struct

import services.bench

Case = Callable[[int], Struct]
"""Runs one case so many times and returns its ``BenchResult``."""


def bench_names() -> list[str]:
    """Every bench: a public module of ``services.bench`` that names its ``CASES``."""
    return [name for name in _module_names() if hasattr(_module(name), "CASES")]


def cases_of(name: str) -> Mapping[str, Case]:
    """The cases of one bench."""
    cases: Mapping[str, Case] = _module(name).CASES
    return cases


def list_lines(*, as_json: bool) -> Iterator[str]:
    """Each bench with its cases and the first sentence of its docstring."""
    for name in bench_names():
        summary = (inspect.getdoc(_module(name)) or "").partition("\n")[0]
        if as_json:
            yield json.dumps({"bench": name, "cases": list(cases_of(name)), "summary": summary})
        else:
            yield f"{name:<10} {' '.join(cases_of(name)):<32} {summary}"


def told(result: Struct, *, as_json: bool) -> str:
    """One result as a line; JSON as it is, text with what a person compares."""
    if as_json:
        return msgspec.json.encode(result).decode()
    fields = msgspec.to_builtins(result)
    detail = "  ".join(f"{key} {_number(value)}" for key, value in (fields["detail"] or {}).items())
    ratio = f"  {_number(fields['ratio'])}x" if fields["ratio"] is not None else ""
    reference = (
        f"  beside {fields['reference']} {_number(fields['reference_value'])}" if fields["reference"] else ""
    )
    value = f"{_number(fields['value'])} {fields['unit']}"
    return f"{fields['bench']} {fields['case']}: {value}{reference}{ratio}  {detail}".rstrip()


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _module_names() -> list[str]:
    found = (info.name for info in pkgutil.iter_modules(services.bench.__path__) if not info.ispkg)
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"services.bench.{name.replace('-', '_')}")
