"""``penstock bench`` and ``penstock prove`` over registries that are played. See services/cli/benches.py."""

import json
from types import SimpleNamespace

import pytest
from msgspec import Struct

from services.cli import benches
from services.prove import registry
from services.prove.proof import ProofResult


class Result(Struct):
    """What a bench returns."""

    bench: str
    case: str
    value: float
    unit: str
    reference: str
    reference_value: float
    ratio: float
    runs: int
    detail: dict[str, float]


@pytest.fixture
def measured(monkeypatch):
    """Two benches; gives the cases that were run, in order."""
    ran = []

    def case_of(bench, case):
        def measure(runs):
            ran.append((bench, case, runs))
            return Result(
                bench, case, 61_234.5, "intents/s", "plain loop", 6_123.45, 10.0, runs, {"p50": 0.0125}
            )

        return measure

    modules = {
        name: SimpleNamespace(
            __doc__=f"The {name}.\n\nMore.", CASES={case: case_of(name, case) for case in cases}
        )
        for name, cases in {"gate": ("core", "synced"), "bus": ("batch-64",)}.items()
    }
    monkeypatch.setattr(benches, "_module_names", lambda: sorted([*modules, "result"]))
    monkeypatch.setattr(benches, "_module", lambda name: modules.get(name, SimpleNamespace()))
    return ran


def test_a_bench_runs_all_its_cases_and_a_case_only_itself(penstock, measured):
    penstock("bench", "gate", "--runs", "3")
    penstock("bench", "gate", "synced", "--runs", "2")

    assert measured == [("gate", "core", 3), ("gate", "synced", 3), ("gate", "synced", 2)]


def test_without_a_name_every_bench_runs(penstock, measured):
    penstock("bench")

    assert [(bench, case) for bench, case, _ in measured] == [
        ("bus", "batch-64"), ("gate", "core"), ("gate", "synced"),
    ]  # fmt: skip


def test_a_result_is_one_line_with_its_reference_and_ratio(penstock, measured):
    assert penstock("bench", "gate", "core").out == (
        "gate core: 61,234 intents/s  beside plain loop 6,123  10x  p50 0.0125\n"
    )
    assert json.loads(penstock("bench", "gate", "core", "--json").out)["detail"] == {"p50": 0.0125}


def test_the_list_names_benches_cases_and_what_they_measure(penstock, measured):
    lines = penstock("bench", "list").out.splitlines()

    assert [line.split()[0] for line in lines] == ["bus", "gate"]
    assert lines[1].endswith("The gate.")
    assert "core synced" in lines[1]


def test_an_unknown_case_says_which_there_are(penstock, measured):
    ended = penstock("bench", "gate", "sinced")

    assert ended.status == 2
    assert "no case of gate 'sinced'; did you mean synced?" in ended.err
    assert measured == []


@pytest.fixture
def proof(monkeypatch):
    """One proof that holds for seed 1 only."""

    def prove(size, seed, report):
        report("trying")
        return ProofResult(
            proof="kill", size=size, seed=seed, passed=seed == 1, figure="0 approvals", detail={"tried": 5}
        )

    monkeypatch.setattr(registry, "names", lambda: ("kill",))
    monkeypatch.setattr(registry, "load", lambda _name: SimpleNamespace(SUMMARY="After a kill.", prove=prove))


def test_a_proof_that_holds_says_what_it_tried_and_its_figure_last(penstock, proof):
    ended = penstock("prove", "kill", "--size", "l")

    assert ended.status == 0
    assert ended.out.splitlines() == ["kill: After a kill.", "  trying", "kill: holds: 0 approvals"]


def test_a_proof_that_does_not_hold_ends_with_status_1(penstock, proof):
    ended = penstock("prove", "kill", "--seed", "2", "--json")

    assert ended.status == 1
    assert json.loads(ended.out) == {
        "proof": "kill", "size": "S", "seed": 2, "passed": False, "figure": "0 approvals",
        "detail": {"tried": 5},
    }  # fmt: skip


def test_without_a_name_the_proofs_are_listed(penstock, proof):
    assert penstock("prove").out == f"{'kill':<20} After a kill.\n"
    assert json.loads(penstock("prove", "list", "--json").out) == {
        "proof": "kill",
        "summary": "After a kill.",
    }
