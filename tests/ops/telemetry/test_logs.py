"""Structured logs. See ops/telemetry/logs.py."""

import json

import pytest

from ops.telemetry.logs import SecretLogged, open_log


def test_a_line_is_an_event_and_its_fields(tmp_path):
    open_log("gate", "run-1", tmp_path, "info").info("verdict.denied", intent_id="a1", code="KILLED")

    line = json.loads((tmp_path / "gate.jsonl").read_text())
    assert (line["event"], line["intent_id"], line["service"], line["run_id"]) == (
        "verdict.denied",
        "a1",
        "gate",
        "run-1",
    )


def test_a_field_that_may_hold_a_secret_is_refused(tmp_path):
    with pytest.raises(SecretLogged, match="seed"):
        open_log("gate", "run-1", tmp_path, "info").info("started", seed="SUAXXXX")

    assert (tmp_path / "gate.jsonl").read_text() == ""


def test_a_full_disk_stops_no_service(tmp_path):
    (tmp_path / "gate.jsonl").symlink_to("/dev/full")
    log = open_log("gate", "run-1", tmp_path, "info")

    log.info("verdict.denied", intent_id="a1")
    log.info("verdict.denied", intent_id="a2")
