"""The process that makes a run again cannot read what the run made, and does not know where it lies."""

import subprocess
import sys
from pathlib import Path

import pytest

from contracts.codec import decode
from contracts.intents import Intent
from services.replay import verify as verifying
from services.replay.inputs import write_inputs
from services.replay.verify import ReplayFailed, verify
from streams.journal.gatelog import read_records


def test_the_child_is_told_of_two_folders_and_of_no_run(short_run, monkeypatch):
    seen = {}

    def spy(command, **settings):
        inputs, outputs = map(Path, command[-2:])
        seen["command"], seen["environment"] = command, settings["env"]
        seen["files"] = [path.name for path in inputs.rglob("*") if path.is_file()]
        seen["outputs"] = list(outputs.iterdir())
        seen["order"] = (inputs / "order.frames").read_bytes()
        return real(command, **settings)

    real = verifying.subprocess.run
    monkeypatch.setattr(verifying.subprocess, "run", spy)
    monkeypatch.setenv("PENSTOCK_RUN_DIR", str(short_run.directory))

    assert verify(short_run).passed

    assert str(short_run.directory) not in " ".join([*seen["command"], *seen["environment"].values()])
    assert not {name for name in seen["environment"] if name.startswith("PENSTOCK_")}
    assert seen["environment"]["HOME"] != str(Path.home())
    assert seen["outputs"] == []
    assert {name.split("-")[0] for name in seen["files"]} == {
        "trades",
        "quotes",
        "clocks",
        "order.frames",
        "cards.frames",
        "options.json",
    }
    ours = next(r for r in read_records(short_run.gate / "records.log") if r.principal == "predict")
    assert decode(Intent, ours.body).explain.encode() not in seen["order"]
    assert decode(Intent, ours.body).intent_id.encode() in seen["order"]


def test_the_inputs_are_copies_that_share_nothing_with_the_record(short_run, tmp_path):
    write_inputs(short_run, tmp_path)

    shared = {path.stat().st_ino for path in short_run.journal.rglob("*.parquet")}
    copied = {path.stat().st_ino for path in tmp_path.rglob("*.parquet")}
    assert copied
    assert not shared & copied


def test_the_child_that_follows_a_way_to_the_record_fails(short_run, monkeypatch):
    """The one way out of its folders that could be left to it: a link."""

    def linking(run, folder):
        written = write_inputs(run, folder)
        (quotes,) = folder.rglob("quotes-*.parquet")
        (original,) = run.journal.rglob("quotes-*.parquet")
        quotes.unlink()
        quotes.symlink_to(original)
        return written

    monkeypatch.setattr(verifying, "write_inputs", linking)

    with pytest.raises(ReplayFailed, match="it asked for"):
        verify(short_run)


ATTEMPTS = {
    "open": "open(path, 'rb')",
    "os": "os.open(path, os.O_RDONLY)",
    "list": "os.listdir(os.path.dirname(path))",
    "table": "read_file(JournalFile('MARKET', 'quotes', 0, 1, 1, Path(path), 1, ()))",
    "network": "socket.create_connection(('127.0.0.1', 9))",
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_confined_process_reaches_neither_the_run_nor_the_network(short_run, tmp_path, attempt):
    (path,) = short_run.journal.rglob("quotes-*.parquet")
    program = f"""
import os, socket
from pathlib import Path
from services.replay.confine import confine
from streams.journal.files import JournalFile
from streams.journal.rows import read_file
confine([Path({str(tmp_path)!r})])
Path({str(tmp_path)!r}, "own").write_text("own")
path = {str(path)!r}
{ATTEMPTS[attempt]}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "it asked for" in done.stderr.splitlines()[-1]
    assert (tmp_path / "own").read_text() == "own"
