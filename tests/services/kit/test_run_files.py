"""A run's manifest and configuration. See services/kit/run_files.py."""

import json

import pytest

from risk.gate import ConfigInvalid
from services.kit.gate_config import LIMITS, load_gate_config
from services.kit.layout import Home
from services.kit.run_files import ConfigFiles, configure, new_run, shipped

NOW_NS = 1_795_162_836_000_000_000


def test_a_new_run_is_the_current_one_with_the_shipped_configuration(tmp_path):
    home = Home(tmp_path)
    run = new_run(home, ConfigFiles(), NOW_NS)

    assert run.run_id == "20261120T082036Z"
    assert home.current_run() == run
    assert load_gate_config(run).limits.restricted == ("SYNTH",)
    assert json.loads(run.manifest.read_bytes())["ts_created_ns"] == NOW_NS


def test_runs_of_the_same_second_have_names_that_sort_by_age(tmp_path):
    home = Home(tmp_path)
    made = [new_run(home, ConfigFiles(), NOW_NS).run_id for _ in range(3)]

    assert len(set(made)) == 3
    assert home.run_ids() == made


def test_a_file_of_one_s_own_replaces_only_its_part(tmp_path):
    limits = json.loads(shipped(LIMITS)) | {"mark_age_ms_max": 123}
    (tmp_path / "mine.json").write_text(json.dumps(limits))
    run = new_run(Home(tmp_path), ConfigFiles(limits=tmp_path / "mine.json"), NOW_NS)
    config = load_gate_config(run)

    assert config.limits.mark_age_ms_max == 123
    assert {instrument.symbol for instrument in config.instruments} == {"ES", "SYNTH"}

    configure(run, ConfigFiles())
    assert load_gate_config(run) == config


def test_a_file_that_cannot_be_used_makes_no_run_and_changes_none(tmp_path):
    home = Home(tmp_path)
    run = new_run(home, ConfigFiles(), NOW_NS)
    (tmp_path / "bad.json").write_text('{"schema": "limits.v1"}')
    bad = ConfigFiles(limits=tmp_path / "bad.json")

    with pytest.raises(ConfigInvalid):
        new_run(home, bad, NOW_NS + 10**9)
    assert home.run_ids() == [run.run_id]
    assert home.current_run() == run

    with pytest.raises(ConfigInvalid):
        configure(run, bad)
    assert (run.config / LIMITS).read_bytes() == shipped(LIMITS)
    assert not (run.directory / "config.draft").exists()


def test_a_run_that_has_lost_its_limits_does_not_fall_back_on_the_shipped_ones(tmp_path):
    run = new_run(Home(tmp_path), ConfigFiles(), NOW_NS)
    (run.config / LIMITS).unlink()

    with pytest.raises(ConfigInvalid, match=r"limits\.json: the file is missing; expected .* --limits FILE"):
        configure(run, ConfigFiles())
    assert not (run.config / LIMITS).exists()
