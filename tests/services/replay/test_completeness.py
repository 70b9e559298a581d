"""A journal from which something is gone, or in which something is twice, does not verify."""

import shutil

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from contracts.codec import encode
from contracts.operations import DeadLetter
from contracts.verdicts import Outcome
from services.replay.completeness import unanswered_problems
from services.replay.verify import verify
from streams.journal.ends import forget_ends, read_ends, write_ends
from streams.journal.gatelog import GateLog, read_records
from streams.journal.rows import journal_files, messages
from streams.journal.writer import JournalWriter

STREAMS = [
    "MARKET",
    "BARS",
    "FEATURES",
    "INTENTS_PREDICT",
    "INTENTS_DRILL",
    "VERDICTS",
    "RISK",
    "CONTROL",
    "AUDIT",
]


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_that_is_gone_from_the_journal_is_a_problem(a_copy, in_process, stream, is_marked):
    shutil.rmtree(a_copy.journal / stream)
    if not is_marked:
        forget_ends(a_copy.journal)

    found = verify(a_copy)

    assert not found.passed
    assert bool(found.incomplete) is not is_marked
    if is_marked:
        assert any(f"{stream} stream_seq 1 to" in problem for problem in found.problems)


def test_a_journal_without_anything_in_it_is_a_problem(a_copy, in_process):
    shutil.rmtree(a_copy.journal)
    a_copy.journal.mkdir()

    found = verify(a_copy)

    assert not found.passed
    assert any("market data: recorded 0 rows" in problem for problem in found.problems)


@pytest.mark.parametrize("stream", ["FEATURES", "VERDICTS", "BARS"])
def test_an_end_that_is_cut_off_is_a_problem_after_a_clean_stop_and_incomplete_after_another(
    a_copy, in_process, stream
):
    """A recorder that was killed: others got further than what it had flushed."""
    kept = _keep_up_to(a_copy, stream, 0.5)

    marked = verify(a_copy)
    forget_ends(a_copy.journal)
    unmarked = verify(a_copy)

    assert f"{stream} stream_seq {kept + 1} to" in marked.first
    assert unmarked.passed, unmarked.first
    assert "did not stop cleanly" in unmarked.incomplete
    assert any("the record ends after" in note for note in unmarked.notes)


def test_messages_behind_the_end_marker_are_a_problem(a_copy, in_process):
    write_ends(a_copy.journal, read_ends(a_copy.journal) | {"VERDICTS": 3})

    assert "VERDICTS stream_seq 4 to" in verify(a_copy).first


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "unmarked"])
def test_a_second_verdict_that_says_something_else_is_named(a_copy, in_process, is_marked):
    stored = list(messages(journal_files(a_copy.journal), "verdicts"))
    denied = next(stored for stored in stored if stored.message.outcome == "DENIED")
    forged = replace(denied.message, outcome=Outcome.APPROVED, code=None, lots=99, target_lots=99)
    last = stored[-1].stream_seq
    _record(a_copy, denied, forged, last + 1)
    if is_marked:
        write_ends(a_copy.journal, read_ends(a_copy.journal) | {"VERDICTS": last + 1})
    else:
        forget_ends(a_copy.journal)

    found = verify(a_copy)

    assert not found.passed
    assert any("verdicts VERDICTS" in problem and "again" in problem for problem in found.problems)


def test_a_verdict_that_was_published_twice_alike_is_none_of_it(a_copy, in_process):
    stored = list(messages(journal_files(a_copy.journal), "verdicts"))
    last = stored[-1].stream_seq
    _record(a_copy, stored[-1], replace(stored[-1].message, epoch=2), last + 1)
    write_ends(a_copy.journal, read_ends(a_copy.journal) | {"VERDICTS": last + 1})

    found = verify(a_copy)

    assert found.passed, found.first


def test_a_feature_row_that_is_there_again_with_another_value_is_named(a_copy, in_process):
    (path,) = a_copy.journal.glob("FEATURES/*/features-*.parquet")
    with pq.ParquetFile(path) as parquet:
        rows = parquet.read()
    again = rows.slice(5, 1)
    at = again.schema.get_field_index("price")
    again = again.set_column(at, again.schema.field(at), pc.add(again.column(at), 1.0))
    pq.write_table(pa.concat_tables([rows, again]), path)

    found = verify(a_copy)

    assert any("features core/" in problem and "again seq" in problem for problem in found.problems)


def test_a_proposal_that_the_gate_passed_over_is_named_unless_a_dead_letter_is_there(a_copy, in_process):
    """Its record, and everything that the record led to, is taken out of the gate's order."""
    stored = list(messages(journal_files(a_copy.journal), "intents"))
    drills = [one for one in stored if one.stream == "INTENTS_DRILL"]
    records = [replace(record) for record in read_records(a_copy.gate / "records.log")]
    passed_over = drills[0]
    without = [
        record
        for record in records
        if record.stream_seq != passed_over.stream_seq or record.stream != "INTENTS_DRILL"
    ]
    files = journal_files(a_copy.journal)

    (problem,) = unanswered_problems(files, without)
    assert f"INTENTS_DRILL {passed_over.stream_seq} intent" in str(problem)
    assert list(unanswered_problems(files, records)) == []

    letter = DeadLetter(
        origin="gate",
        cause="failed",
        detail="",
        subject=passed_over.subject,
        stream=passed_over.stream,
        stream_seq=passed_over.stream_seq,
        ts_event_ns=1,
        payload=b"",
        payload_bytes=0,
        count=1,
    )
    _record(a_copy, passed_over._replace(stream="DEAD", subject="dead.gate"), letter, 1)
    assert list(unanswered_problems(journal_files(a_copy.journal), without)) == []


def test_a_run_with_a_proposal_that_the_gate_passed_over_does_not_verify(a_copy, in_process):
    path = a_copy.gate / "records.log"
    records = list(read_records(path))
    unreadable = [record for record in records if record.stream == "INTENTS_DRILL" and b"junk" in record.body]
    path.unlink()
    with GateLog.open(path) as log:
        for record in records:
            moved = unreadable[1].stream_seq if record is unreadable[0] else record.stream_seq
            log.append(encode(replace(record, stream_seq=moved)))

    found = verify(a_copy)

    place = f"INTENTS_DRILL {unreadable[0].stream_seq} intent unreadable: recorded no gate record"
    assert any(place in problem for problem in found.problems)


def _record(run, like, message, stream_seq):
    writer = JournalWriter(run.journal)
    writer.add(
        message, subject=like.subject, stream=like.stream, stream_seq=stream_seq, ts_store_ns=like.ts_store_ns
    )
    writer.flush()


def _keep_up_to(run, stream, share):
    """Cut a stream's files at a share of its sequences; the last sequence kept."""
    last = int(max(path.stem.split("-")[2] for path in run.journal.glob(f"{stream}/*/*.parquet")))
    kept_last = int(last * share)
    kept_seqs = set()
    for path in sorted(run.journal.glob(f"{stream}/*/*.parquet")):
        with pq.ParquetFile(path) as parquet:
            rows = parquet.read()
        kept = rows.filter(pc.less_equal(rows.column("stream_seq"), kept_last))
        kept_seqs.update(kept.column("stream_seq").to_pylist())
        parts = path.stem.split("-")
        parts[2] = f"{kept_last:012d}"
        path.unlink()
        pq.write_table(kept, path.with_name("-".join(parts) + ".parquet"))
    return max(kept_seqs)


def test_a_market_that_ends_early_covers_what_rests_on_it_and_says_so(a_copy, short_run, in_process):
    """A recorder that was killed: features and verdicts got further than the ticks it had flushed."""
    _keep_up_to(a_copy, "MARKET", 150 / 440)
    forget_ends(a_copy.journal)

    found = verify(a_copy)

    assert found.passed, found.first
    assert any("market data that the journal does not hold" in note for note in found.notes)
    whole = verify(short_run)
    assert sum(key.recorded.rows for key in found.keys) < sum(key.recorded.rows for key in whole.keys)
