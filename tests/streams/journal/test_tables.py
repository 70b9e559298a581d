"""Tables: every message has a place, every column one meaning, every row is enough."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.catalogue import MESSAGES
from contracts.features import FeatureBatch
from contracts.market import TickBatch
from contracts.operations import DeadCause, DeadLetter
from streams.journal.rows import journal_files, messages
from streams.journal.tables import MESSAGE_OF_TABLE, TABLES, Unstorable, schema_of
from streams.journal.writer import JournalWriter
from tests.contracts.messages import messages as messages_of
from tests.streams.journal.journal_messages import add, feature_batch, tick_batch

STORED = {*MESSAGE_OF_TABLE.values(), TickBatch, FeatureBatch}


@pytest.mark.parametrize("table", TABLES)
def test_no_table_has_two_columns_of_one_name(table):
    names = schema_of(table, ("alpha",) if table == "features" else ()).names
    assert len(names) == len(set(names))
    assert names[:3] == ["stream_seq", "ts_store_ns", "subject"]


@pytest.mark.parametrize("table", MESSAGE_OF_TABLE)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_message_comes_back_from_its_row_as_it_was(tmp_path_factory, table, data):
    folder = tmp_path_factory.mktemp("journal")
    sent = data.draw(st.lists(messages_of(MESSAGE_OF_TABLE[table]), min_size=1, max_size=3))
    writer = JournalWriter(folder)
    for seq, message in enumerate(sent, start=1):
        add(writer, message, "ANY", seq)
    writer.flush()

    found = sorted(messages(journal_files(folder), table), key=lambda stored: stored.stream_seq)
    assert [stored.message for stored in found] == sent
    assert {stored.subject for stored in found} == {"a.b"}


def test_what_travels_on_a_stream_has_a_table():
    never_alone = {
        "Trade",
        "Quote",
        "FeatureRow",
        "GateRecord",
        "Snapshot",
        "Instrument",
        "StrategyCard",
        "Headroom",
    }
    assert {kind.__name__ for kind in MESSAGES} - {kind.__name__ for kind in STORED} == never_alone


def test_a_dead_letter_keeps_its_own_place_and_that_of_what_it_is_about(tmp_path):
    letter = DeadLetter(
        origin="gate",
        cause=DeadCause.UNDECODABLE,
        detail="d",
        subject="intent.proposed.x.ES",
        stream="INTENTS_DRILL",
        stream_seq=77,
        count=1,
        ts_event_ns=9,
        payload=b"\xff",
        payload_bytes=1,
    )
    writer = JournalWriter(tmp_path)
    add(writer, letter, "DEAD", 3)
    writer.flush()

    (found,) = messages(journal_files(tmp_path), "dead_letters")
    assert found.message == letter
    assert (found.stream, found.stream_seq) == ("DEAD", 3)


def test_a_feature_named_like_a_column_of_the_journal_is_refused(tmp_path):
    writer = JournalWriter(tmp_path)
    with pytest.raises(Unstorable, match="a feature named symbol"):
        add(writer, feature_batch(1, 2, names=("symbol",)), "FEATURES", 1)
    add(writer, tick_batch(1, 2), "MARKET", 1)
    assert writer.flush() == 2
