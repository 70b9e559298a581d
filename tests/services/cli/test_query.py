"""``penstock query``. See services/cli/asking.py."""

import json

import pytest

from contracts import subjects
from contracts.states import BreakerChanged, BreakerState
from services.kit.layout import Home
from streams.journal.writer import JournalWriter


@pytest.fixture
def run(tmp_path):
    """A current run whose journal holds two changes of a breaker."""
    home = Home(tmp_path / "home")
    run = home.run("20261120T080000Z")
    run.create()
    home.current.write_text(f"{run.run_id}\n")
    writer = JournalWriter(run.journal)
    for seq, (previous, state) in enumerate([("CLOSED", "OPEN"), ("OPEN", "HALF_OPEN")], start=1):
        change = BreakerChanged(
            name="invalid_input", key="drill", previous=BreakerState(previous), state=BreakerState(state),
            cause="fault", faults=3, gate_seq=seq, ts_event_ns=seq,
        )  # fmt: skip
        writer.add(
            change, subject=subjects.breaker(change.name), stream="RISK", stream_seq=seq, ts_store_ns=seq
        )
    writer.flush()
    return run


SQL = "select gate_seq, state from breakers order by gate_seq"


def test_text_is_a_plain_table_with_a_count_of_rows(penstock, run):
    assert penstock("query", SQL).out.splitlines() == [
        "+----------------------+",
        "| gate_seq | state     |",
        "|----------+-----------|",
        "|        1 | OPEN      |",
        "|        2 | HALF_OPEN |",
        "+----------------------+",
        "(2 rows)",
    ]


def test_a_row_of_a_wide_answer_stays_on_its_line_and_markup_is_text(penstock, run):
    columns = ", ".join(f"'[red]{'x' * 60}' as c{index}" for index in range(20))
    lines = penstock("query", f"select {columns}").out.splitlines()

    assert len(lines) == 6
    assert lines[3].count("[red]") == 20


def test_json_is_one_object_a_row(penstock, run):
    rows = [json.loads(line) for line in penstock("query", SQL, "--json").out.splitlines()]

    assert rows == [{"gate_seq": 1, "state": "OPEN"}, {"gate_seq": 2, "state": "HALF_OPEN"}]


def test_csv_has_a_header_also_where_there_is_no_row(penstock, run):
    assert penstock("query", SQL, "--csv").out == "gate_seq,state\n1,OPEN\n2,HALF_OPEN\n"
    assert penstock("query", f"{SQL} limit 0", "--csv").out == "gate_seq,state\n"


def test_a_run_can_be_named(penstock, run):
    assert penstock("query", SQL, "--run", run.run_id).out == penstock("query", SQL).out


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select * from verdict", "verdicts"),
        ("selec 1", "syntax error"),
        ("select nothing from verdicts", "nothing"),
    ],
)
def test_a_question_that_cannot_be_is_one_line_and_status_2(penstock, run, sql, says):
    ended = penstock("query", sql)

    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert says in ended.err


def test_without_sql_the_views_are_listed_with_their_columns(penstock, run):
    columns = json.loads(penstock("query", "--json").out)

    assert {"trades", "features", "intents", "verdicts", "checks", "breakers"} <= columns.keys()
    assert "gate_seq" in columns["breakers"]
    assert "breakers " in penstock("query").out


def test_a_time_with_a_zone_is_told(penstock, run):
    answer = penstock(
        "query", "select to_timestamp(0)::timestamptz at time zone 'UTC' as at, to_timestamp(0) as zoned"
    )
    assert "1970-01-01 00:00:00" in answer.out
