"""What a run that is down says of itself. See services/cli/standing.py."""

import pytest

from contracts import subjects
from contracts.codec import encode
from contracts.control import OperatorCommand
from contracts.gate import GateRecord, RecordKind
from services.cli.standing import gate_of, killed_cause, unseen_kills
from services.kit.gate_config import load_gate_config
from services.kit.layout import Home
from services.kit.run_files import ConfigFiles, new_run
from streams.journal.gatelog import GateLog
from streams.journal.writer import JournalWriter


@pytest.fixture
def run(tmp_path):
    """A run whose gate has journaled its configuration."""
    run = new_run(Home(tmp_path), ConfigFiles(), 1_795_000_000_000_000_000)
    config = encode(load_gate_config(run))
    GateLog.open(run.gate / "records.log").append(
        encode(GateRecord(seq=1, kind=RecordKind.CONFIG, gate_ts_ns=0, body=config))
    )
    return run


def command_of(name: str) -> OperatorCommand:
    return OperatorCommand(
        command=name, operator="operator1", nonce="0" * 32, reason="a test", expires_ts_ns=1,
        expected_gate_seq=0,
    )  # fmt: skip


def record(run, name: str, stream_seq: int) -> None:
    """The recorder takes a command down."""
    writer = JournalWriter(run.journal)
    writer.add(
        command_of(name), subject=subjects.control(name, "operator1"), stream="CONTROL",
        stream_seq=stream_seq, ts_store_ns=1,
    )  # fmt: skip
    writer.flush()


def obey(run, name: str, stream_seq: int) -> None:
    """The gate takes it too."""
    taken = GateRecord(
        seq=2, kind=RecordKind.CONTROL, gate_ts_ns=0, body=encode(command_of(name)),
        subject=subjects.control(name, "operator1"), principal="operator1", stream="CONTROL",
        stream_seq=stream_seq,
    )  # fmt: skip
    GateLog.open(run.gate / "records.log").append(encode(taken))


def test_a_run_that_nobody_killed_has_no_cause(run):
    record(run, "reduce", 1)

    assert killed_cause(run) == ""


def test_a_kill_that_the_gate_obeyed_is_a_cause(run):
    record(run, "kill", 1)
    obey(run, "kill", 1)

    assert gate_of(run).is_killed
    assert unseen_kills(run) == 0
    assert killed_cause(run) == "at gate sequence 2 its state is HALTED"


def test_a_kill_that_came_while_the_gate_was_down_is_a_cause_too(run, penstock):
    record(run, "kill", 1)

    assert not gate_of(run).is_killed
    assert killed_cause(run) == "1 kill came while the gate was down"


def test_a_kill_whose_body_nobody_can_read_counts_as_well(run):
    writer = JournalWriter(run.journal)
    writer.add_raw(
        b"\xc1", "no message", subject=subjects.control("kill", "operator2"), stream="CONTROL", stream_seq=1,
        ts_store_ns=1,
    )  # fmt: skip
    writer.flush()

    assert unseen_kills(run) == 1
