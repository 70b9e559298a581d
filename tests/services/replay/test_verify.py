"""A run verifies where it was recorded honestly, and whatever was changed is named."""

import stat

import pytest
from msgspec.structs import replace

from contracts.codec import decode, encode
from contracts.gate import RecordKind
from contracts.intents import Intent
from services.kit.layout import Run
from services.prove.doctored import Flip, flip
from services.replay import verify as verifying
from services.replay.recompute import Options
from services.replay.verify import ReplayFailed, verify
from streams.journal.gatelog import GateLog, read_records
from streams.journal.rows import journal_files, messages


def rewrite_log(run, change):
    """The gate's log again, each record as ``change`` makes it, with checksums that hold."""
    path = run.gate / "records.log"
    records = [change(record) for record in read_records(path)]
    path.unlink()
    with GateLog.open(path) as log:
        for record in records:
            log.append(encode(record))


def test_a_run_verifies_in_a_process_of_its_own(short_run):
    found = verify(short_run)

    assert (found.passed, found.first, found.notes, found.incomplete) == (True, "", [], "")
    assert found.recorded_hash == found.recomputed_hash
    assert {key.table for key in found.keys} >= {"features", "bars", "intents", "verdicts", "command_answers"}
    assert all(key.recorded.rows and key.recorded == key.recomputed for key in found.keys)
    assert found.recomputed.intents > 0


@pytest.mark.parametrize("batch_rows", [1, 5, 4096])
def test_the_hash_is_the_same_for_any_batch_size(short_run, in_process, batch_rows):
    assert (
        verify(short_run, Options(batch_rows=batch_rows)).recomputed_hash == verify(short_run).recorded_hash
    )


FLIPS = [
    (Flip("trades", "price", 400, lambda price: price + 0.25, ("symbol", "ES")), "features", "seq 401 price"),
    (Flip("trades", "size", -40, lambda size: size + 1, ("symbol", "ES")), "features", ""),
    (
        Flip("trades", "ts_event_ns", 300, lambda ns: ns + 1, ("symbol", "ES")),
        "features",
        "seq 301 ts_event_ns",
    ),
    (Flip("quotes", "bid_price", 30, lambda price: price + 0.02), "mark of SYNTH", "gate_seq"),
    (Flip("features", "price", 50, lambda price: price + 1e-9), "features", "price"),
    (Flip("features", "valid", -1, lambda valid: valid ^ 1), "features", "valid"),
    (Flip("bars", "volume", 3, lambda volume: volume + 1), "bars", "volume"),
    (Flip("intents", "side", 0, lambda _: "flat", ("principal", "predict")), "intents", "side"),
    (Flip("intents", "explain", 0, lambda _: "x", ("principal", "predict")), "intents", "explain"),
    (Flip("intents", "intent_id", 0, lambda _: "0" * 32, ("principal", "predict")), "intents", "intent_id"),
    (
        Flip("intents", "target_notional", 0, lambda n: n + 1, ("principal", "drill")),
        "intents INTENTS_DRILL",
        "",
    ),
    (Flip("verdicts", "code", 0, lambda _: "KILLED"), "verdicts", "code"),
    (Flip("verdicts", "chain", -1, lambda chain: chain[::-1]), "verdicts", "chain"),
    (Flip("verdicts", "gate_seq", -1, lambda _: 0), "without gate_seq", ""),
    (Flip("trading_states", "is_killed", 0, lambda _: True), "trading_states", "is_killed"),
    (Flip("command_answers", "is_accepted", 0, lambda _: False), "command_answers", "is_accepted"),
]


@pytest.mark.parametrize(
    ("change", "where", "what"), FLIPS, ids=[f"{f.table}-{f.column}" for f, _, _ in FLIPS]
)
def test_one_value_changed_anywhere_in_the_journal_is_named(a_copy, in_process, change, where, what):
    flip(a_copy, change)

    found = verify(a_copy)

    assert not found.passed
    told = [str(difference) for difference in found.differences] + found.problems
    assert any(where in line and what in line for line in told), told


def test_a_changed_price_in_the_gates_marks_is_named_though_its_checksum_holds(a_copy, in_process):
    rewrite_log(
        a_copy,
        lambda record: replace(
            record, marks=tuple(_dearer(mark) if record.seq == 9 else mark for mark in record.marks)
        ),
    )

    found = verify(a_copy)

    assert any("gate_seq 9 mark of" in problem for problem in found.problems)


def _dearer(mark):
    return type(mark)(mark.symbol, mark.price_micro + 10_000, mark.ts_event_ns, mark.source, mark.seq)


def test_a_changed_body_in_the_gates_log_is_named_though_the_replay_does_not_read_it(a_copy, in_process):
    def bigger(record):
        if record.kind is not RecordKind.INTENT or record.principal != "predict":
            return record
        intent = decode(Intent, record.body)
        return replace(record, body=encode(replace(intent, target_notional=intent.target_notional + 1)))

    rewrite_log(a_copy, bigger)

    found = verify(a_copy)

    assert any("target_notional" in problem and "made again" in problem for problem in found.problems)


def test_an_intent_that_no_strategy_of_ours_forms_is_named(a_copy, in_process):
    def forged(record):
        if record.kind is RecordKind.INTENT and record.principal == "predict":
            return replace(record, body=encode(replace(decode(Intent, record.body), intent_id="f" * 32)))
        return record

    rewrite_log(a_copy, forged)

    found = verify(a_copy)

    assert any(f"decides on {'f' * 32}" in problem for problem in found.problems)


def test_a_damaged_log_and_a_torn_file_are_findings_that_name_the_file(a_copy, in_process):
    path = a_copy.gate / "records.log"
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    assert "records.log is corrupt at byte" in verify(a_copy).first

    path.write_bytes(bytes(content[:20]))
    (trades,) = a_copy.journal.glob("MARKET/*/trades-*")
    trades.write_bytes(trades.read_bytes()[:-30])
    assert str(trades) in verify(a_copy).first


def test_a_range_compares_only_what_happened_in_it(a_copy, in_process):
    flip(a_copy, Flip("verdicts", "lots", -1, lambda lots: lots + 1))
    verdicts = [stored.message for stored in messages(journal_files(a_copy.journal), "verdicts")]
    last_ns = verdicts[-1].gate_ts_ns

    before = verify(a_copy, Options(to_ns=last_ns))
    after = verify(a_copy, Options(from_ns=last_ns))

    assert before.passed
    assert not after.passed
    assert (before.covered.to_ns, after.covered.from_ns) == (last_ns, last_ns)
    assert next(key for key in before.keys if key.table == "verdicts").recorded.rows == sum(
        verdict.gate_ts_ns < last_ns for verdict in verdicts
    )


def test_a_child_that_ends_badly_is_told_with_its_last_line(short_run, monkeypatch):
    monkeypatch.setattr(verifying.sys, "executable", "/bin/false")
    with pytest.raises(ReplayFailed, match="status 1: no output"):
        verify(short_run)


def test_a_replay_leaves_the_run_as_it_was(a_copy, in_process):
    def everything():
        return {
            path: (path.stat().st_mtime_ns, path.stat().st_size)
            for path in a_copy.directory.rglob("*")
            if stat.S_ISREG(path.stat().st_mode)
        }

    before = everything()
    verify(a_copy)
    assert everything() == before


def test_a_run_without_anything_recorded_verifies_emptily(tmp_path, short_run, in_process):
    empty = Run(tmp_path / "empty")
    empty.create()
    found = verify(empty)
    assert (found.passed, found.keys) == (True, [])
    assert "did not stop cleanly" in found.incomplete
