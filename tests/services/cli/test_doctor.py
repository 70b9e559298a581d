"""``penstock doctor``: each failure in one line with its mend. See services/cli/checkup.py."""

import importlib.metadata
import json
import platform
import socket
import sys

from services.cli import checkup
from services.kit import guard
from services.kit.layout import Home


def test_every_check_is_told_on_one_line_and_the_status_says_whether_all_are_well(penstock, monkeypatch):
    well = checkup.Finding("python", True, "3.11.7")
    ill = checkup.Finding("c library", False, "glibc 2.17", "use a newer system")
    monkeypatch.setattr(checkup, "checks", lambda _home: [lambda: well, lambda: ill])

    ended = penstock("doctor")

    assert (
        ended.out
        == "OK    python            3.11.7\nFAIL  c library         glibc 2.17; use a newer system\n"
    )
    assert ended.status == 1
    assert json.loads(penstock("doctor", "--json").out)[1] == {
        "name": "c library", "is_ok": False, "found": "glibc 2.17", "mend": "use a newer system",
    }  # fmt: skip


def test_this_machine_can_run_the_broker_and_the_kernels():
    assert checkup.broker_program().is_ok
    assert checkup.kernels().is_ok
    assert checkup.ports().is_ok


def test_no_check_raises_and_each_has_a_name_of_its_own(tmp_path):
    findings = [check() for check in checkup.checks(Home(tmp_path))]

    assert len({finding.name for finding in findings}) == len(findings)
    assert all("\n" not in finding.found for finding in findings)


def test_an_old_c_library_is_named_with_the_one_that_is_needed(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.27"))
    assert not checkup.c_library().is_ok
    assert "2.28" in checkup.c_library().mend

    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.28"))
    assert checkup.c_library().is_ok


def test_an_old_python_is_named(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 14))

    assert not checkup.python_version().is_ok
    assert "3.11" in checkup.python_version().mend


def test_a_missing_package_is_named(monkeypatch):
    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", nothing)
    finding = checkup.package("duckdb")

    assert (finding.name, finding.is_ok, finding.found) == ("duckdb", False, "missing")


def test_a_foreign_package_that_hides_ours_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(guard, "ROOT", tmp_path)
    finding = checkup.own_packages()

    assert not finding.is_ok
    assert "shadows ours" in finding.found
    assert "virtual environment" in finding.mend


def test_a_home_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    finding = checkup.writable_home(tmp_path / "file" / "home")

    assert not finding.is_ok
    assert "another --home" in finding.mend


def test_a_home_is_left_as_it_was_found(tmp_path):
    assert checkup.writable_home(tmp_path).is_ok
    assert list(tmp_path.iterdir()) == []


def test_ports_that_cannot_be_had_are_told(monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError("not permitted")

    monkeypatch.setattr(socket, "create_server", refuse)

    assert checkup.ports().found == "not permitted"
    assert not checkup.ports().is_ok
