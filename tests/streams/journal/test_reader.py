"""SQL over a journal: the views that a person, the demo and the reports ask."""

import duckdb
import pytest

from contracts.codec import encode
from contracts.gate import GateRecord, MarkChange, RecordKind
from contracts.market import Clock
from contracts.states import BreakerChanged, BreakerState
from streams.journal.gatelog import GateLog
from streams.journal.reader import VIEWS, Journal
from streams.journal.writer import JournalWriter
from tests.streams.journal.journal_messages import NOON_NS, add, feature_batch, intent, tick_batch, verdict


@pytest.fixture
def run_dir(tmp_path):
    writer = JournalWriter(tmp_path / "journal")
    add(writer, tick_batch(1, 3), "MARKET", 1)
    add(writer, Clock(source="es", ts_event_ns=NOON_NS, ts_recv_ns=0), "MARKET", 2)
    add(writer, feature_batch(1, 3), "FEATURES", 1)
    writer.flush()
    add(writer, tick_batch(4, 2), "MARKET", 3)
    add(writer, feature_batch(4, 2, names=("alpha", "gamma")), "FEATURES", 2)
    add(writer, intent(1), "INTENTS_PREDICT", 1)
    add(writer, intent(2), "INTENTS_DRILL", 1)
    add(writer, verdict(1), "VERDICTS", 1)
    add(writer, verdict(2, code=None), "VERDICTS", 2)
    moved = BreakerChanged(
        name="stale_market",
        key="ES",
        previous=BreakerState.CLOSED,
        state=BreakerState.OPEN,
        cause="fault",
        faults=3,
        gate_seq=1,
        ts_event_ns=NOON_NS,
    )
    add(writer, moved, "RISK", 1)
    writer.flush()
    return tmp_path


def test_every_view_exists_with_its_columns_where_nothing_was_recorded(tmp_path):
    with Journal(tmp_path) as journal:
        for view in VIEWS:
            relation = journal.sql(f"SELECT * FROM {view}")
            assert relation.fetchall() == [], view
            assert len(relation.columns) > 3, view


def test_an_empty_view_has_the_columns_and_types_of_a_full_one(tmp_path, run_dir):
    with Journal(tmp_path / "nothing") as empty, Journal(run_dir) as full:
        for view in ("trades", "intents", "verdicts", "breakers", "checks", "clocks", "gate_records"):
            query = f"SELECT * FROM {view}"
            found, expected = empty.sql(query), full.sql(query)
            assert found.columns == expected.columns, view
            assert list(map(str, found.types)) == list(map(str, expected.types)), view


def test_ticks_of_several_flushes_are_one_view_in_stream_order(run_dir):
    with Journal(run_dir) as journal:
        assert journal.sql("SELECT seq FROM trades").fetchall() == [(1,), (2,), (3,), (4,), (5,)]
        assert journal.sql("SELECT count(*) FROM trades WHERE date = DATE '2013-09-01'").fetchall() == [(5,)]


def test_features_of_different_sets_of_names_are_one_view(run_dir):
    with Journal(run_dir) as journal:
        rows = journal.sql("SELECT seq, alpha, beta, gamma FROM features ORDER BY stream_seq").fetchall()
    assert rows[0] == (1, 1.0, None, None)
    assert rows[4] == (5, 5.0, None, None)


def test_verdicts_count_by_code_and_checks_are_unnested_in_order(run_dir):
    with Journal(run_dir) as journal:
        counts = journal.sql(
            "SELECT outcome, code, count(*) FROM verdicts GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        checks = journal.sql("SELECT step, code, found, allowed, unit, passed FROM checks WHERE gate_seq = 1")
        assert counts == [("APPROVED", None, 1), ("DENIED", "MARK_STALE", 1)]
        assert checks.order("step").fetchall() == [
            (1, "INPUT_INVALID", 0, 0, "flag", True),
            (2, "MARK_STALE", 9, 5, "ns", False),
        ]


def test_intents_say_whose_credential_proposed_them(run_dir):
    with Journal(run_dir) as journal:
        found = journal.sql("SELECT principal, basis_seq FROM intents ORDER BY basis_seq").fetchall()
    assert found == [("predict", 1), ("drill", 2)]


def test_the_gates_log_is_a_view_with_identity_and_marks(run_dir):
    mark = MarkChange("ES", 5, NOON_NS, "es", 1)
    with GateLog.open(run_dir / "gate" / "records.log") as log:
        log.append(encode(GateRecord(seq=1, kind=RecordKind.CONFIG, gate_ts_ns=NOON_NS, body=b"{}")))
        log.append(
            encode(
                GateRecord(
                    seq=2,
                    kind=RecordKind.INTENT,
                    gate_ts_ns=NOON_NS,
                    body=encode(intent(1)),
                    principal="predict",
                    marks=(mark,),
                )
            )
        )
        log.append(encode(GateRecord(seq=3, kind=RecordKind.INTENT, gate_ts_ns=NOON_NS, body=b"\xff")))

    with Journal(run_dir) as journal:
        rows = journal.sql("SELECT seq, kind, intent_id, marks FROM Gate_Records ORDER BY seq").fetchall()
    assert rows[1] == (2, "intent", intent(1).intent_id, f'[["ES",5,{NOON_NS},"es",1]]')
    assert [row[2] for row in rows] == ["", intent(1).intent_id, ""]


def test_a_torn_file_is_listed_and_the_views_show_the_rest(run_dir):
    first, _ = sorted(run_dir.glob("journal/MARKET/*/trades-*"))
    first.write_bytes(first.read_bytes()[:-9])

    with Journal(run_dir) as journal:
        assert [problem.path for problem in journal.problems] == [first]
        assert journal.sql("SELECT min(seq) FROM trades").fetchall() == [(4,)]


def test_a_path_with_a_quote_is_a_path(run_dir):
    moved = run_dir.rename(run_dir.with_name("it's"))
    with Journal(moved) as journal:
        assert journal.sql("SELECT count(*) FROM trades").fetchall() == [(5,)]


def test_a_query_that_duckdb_refuses_raises_its_own_error(run_dir):
    with Journal(run_dir) as journal, pytest.raises(duckdb.Error, match="nonsense"):
        journal.sql("SELECT nonsense FROM trades")


def test_rows_of_two_lives_of_a_stream_are_told_apart_and_come_one_life_after_another(tmp_path):
    writer = JournalWriter(tmp_path / "journal")
    for seq in (1, 2, 3):
        add(writer, intent(seq), "INTENTS_PREDICT", seq)
    for seq in (3, 4):
        again = intent(10 + seq)
        writer.add(again, subject="a.b", stream="INTENTS_PREDICT", stream_seq=seq, ts_store_ns=NOON_NS + 99)
    writer.flush()

    with Journal(tmp_path) as journal:
        rows = journal.sql("SELECT life, stream_seq, basis_seq FROM intents").fetchall()
    assert rows == [(0, 1, 1), (0, 2, 2), (0, 3, 3), (1, 3, 13), (1, 4, 14)]
