"""Parquet files of the journal: each message once, whole files only, resumed where files end."""

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.columns import ColumnsInvalid
from contracts.hashview import view
from contracts.market import Clock
from contracts.news import NewsItem
from streams.journal.errors import FileUnreadable, JournalUnwritable
from streams.journal.files import scan
from streams.journal.rows import chunks, journal_files, messages
from streams.journal.writer import JournalWriter, Rewind, probe
from tests.streams.journal.journal_messages import (
    DAY_NS,
    NOON_NS,
    add,
    feature_batch,
    intent,
    tick_batch,
    verdict,
)


def stored(folder, table):
    return [found.message for found in messages(journal_files(folder), table)]


def tick_seqs(folder, table="trades"):
    return [int(seq) for chunk in chunks(journal_files(folder), table) for seq in chunk.rows["seq"]]


def test_messages_come_back_as_they_were_with_nested_fields_and_nulls(tmp_path):
    sent = [verdict(1), verdict(2, code=None)]
    news = NewsItem(
        item_id="1", source="wire", ts_event_ns=NOON_NS, ts_recv_ns=1, headline="hé", symbols=("ES", "BRK.B")
    )
    writer = JournalWriter(tmp_path)
    for seq, message in enumerate(sent, start=1):
        add(writer, message, "VERDICTS", seq)
    add(writer, news, "NEWS", 1)
    add(writer, intent(1), "INTENTS_PREDICT", 1)
    writer.flush()

    assert stored(tmp_path, "verdicts") == sent
    assert stored(tmp_path, "news") == [news]
    (found,) = messages(journal_files(tmp_path), "intents")
    assert (found.principal, view(found.message)) == ("predict", view(intent(1)))


def test_batches_become_a_row_a_tick_in_stream_order_under_the_date_of_the_event(tmp_path):
    writer = JournalWriter(tmp_path)
    add(writer, tick_batch(1, 3), "MARKET", 1)
    add(writer, Clock(source="es", ts_event_ns=NOON_NS, ts_recv_ns=0), "MARKET", 2)
    add(writer, tick_batch(4, 2, ts_ns=NOON_NS + DAY_NS), "MARKET", 3)
    add(writer, tick_batch(6, 1), "MARKET", 4)
    assert writer.flush() == 7

    assert tick_seqs(tmp_path) == [1, 2, 3, 4, 5, 6]
    dates = {path.parent.name for path in tmp_path.glob("MARKET/*/trades-*")}
    assert dates == {"date=2013-09-01", "date=2013-09-02"}


def test_a_feature_that_is_warming_up_is_null_in_the_file_and_zero_in_the_row(tmp_path):
    writer = JournalWriter(tmp_path)
    add(writer, feature_batch(1, 2), "FEATURES", 1)
    add(writer, feature_batch(3, 2, valid=0b11), "FEATURES", 2)
    writer.flush()

    (path,) = tmp_path.glob("FEATURES/*/*.parquet")
    assert pq.ParquetFile(path).read(["beta"]).column(0).to_pylist() == [None, None, 3.0, 4.0]
    (chunk,) = chunks(journal_files(tmp_path), "features")
    assert chunk.rows["beta"].tolist() == [0.0, 0.0, 3.0, 4.0]
    assert (chunk.key, chunk.names) == ("core/es/CME/ES", ("alpha", "beta"))


@settings(max_examples=40, deadline=None)
@given(lives=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4)), max_size=6))
def test_whatever_the_restarts_and_redeliveries_each_sequence_is_kept_once(tmp_path_factory, lives):
    """Each life of the recorder reads on from somewhere before the gap, and dies between flushes."""
    folder = tmp_path_factory.mktemp("journal")
    flushed = 0
    for back, count, flush_every in lives:
        writer = JournalWriter(folder)
        assert writer.next_seq("INTENTS_PREDICT") == flushed + 1
        start = min(back, flushed + 1)
        for seq in range(start, start + count):
            assert add(writer, intent(seq), "INTENTS_PREDICT", seq) == (seq > flushed)
            assert not add(writer, intent(seq), "INTENTS_PREDICT", seq)
            if seq % flush_every == 0:
                writer.flush()
                flushed = max(flushed, seq)

    found = [message.basis_seq for message in stored(folder, "intents")]
    assert found == list(range(1, flushed + 1))


def test_a_restart_reads_on_behind_the_last_flush_and_what_was_not_flushed_comes_again(tmp_path):
    writer = JournalWriter(tmp_path)
    for seq in (1, 2, 3):
        add(writer, intent(seq), "INTENTS_PREDICT", seq)
    writer.flush()
    add(writer, intent(4), "INTENTS_PREDICT", 4)

    again = JournalWriter(tmp_path)

    assert again.next_seq("INTENTS_PREDICT") == 4
    assert again.next_seq("VERDICTS") == 1
    assert not add(again, intent(3), "INTENTS_PREDICT", 3)
    assert add(again, intent(4), "INTENTS_PREDICT", 4)


def test_a_lost_file_is_filled_from_the_stream_and_the_rest_is_kept_once(tmp_path):
    writer = JournalWriter(tmp_path)
    for seq in range(1, 7):
        add(writer, intent(seq), "INTENTS_PREDICT", seq)
        if seq % 2 == 0:
            writer.flush()
    (middle,) = tmp_path.glob("*/*/intents-*3-*4.parquet")
    middle.unlink()

    again = JournalWriter(tmp_path)
    assert again.next_seq("INTENTS_PREDICT") == 3
    for seq in range(3, 9):
        add(again, intent(seq), "INTENTS_PREDICT", seq)
    again.flush()

    assert [message.basis_seq for message in stored(tmp_path, "intents")] == list(range(1, 9))


@pytest.mark.parametrize("crash_after", [0, 1, 2])
def test_a_crash_between_the_files_of_a_flush_is_finished_or_undone(tmp_path, monkeypatch, crash_after):
    writer = JournalWriter(tmp_path)
    add(writer, tick_batch(1, 3), "MARKET", 1)
    add(writer, Clock(source="es", ts_event_ns=NOON_NS, ts_recv_ns=0), "MARKET", 2)
    add(writer, tick_batch(4, 1, kind="quote"), "MARKET", 3)
    done = []
    replace = type(tmp_path).replace

    def crashing(self, target):
        if len(done) == crash_after:
            raise KeyboardInterrupt
        done.append(target)
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "replace", crashing)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()

    again = JournalWriter(tmp_path)
    assert again.next_seq("MARKET") == (1 if crash_after == 0 else 4)
    assert not list(tmp_path.glob("*/*/.*"))
    assert tick_seqs(tmp_path) == ([] if crash_after == 0 else [1, 2, 3])
    assert tick_seqs(tmp_path, "quotes") == ([] if crash_after == 0 else [4])


def test_a_flush_that_fails_keeps_its_rows_and_succeeds_when_the_cause_is_gone(tmp_path):
    writer = JournalWriter(tmp_path)
    add(writer, intent(1), "INTENTS_PREDICT", 1)
    blocker = tmp_path / "INTENTS_PREDICT"
    blocker.write_bytes(b"in the way")

    with pytest.raises(JournalUnwritable):
        writer.flush()
    assert writer.rows == 1
    add(writer, intent(2), "INTENTS_PREDICT", 2)
    blocker.unlink()
    writer.flush()

    assert writer.rows == 0
    assert stored(tmp_path, "intents") == [intent(1), intent(2)]


def test_a_batch_that_lies_about_its_rows_is_kept_as_bytes(tmp_path):
    writer = JournalWriter(tmp_path)
    broken = msgspec.structs.replace(tick_batch(1, 3), count=4)
    with pytest.raises(ColumnsInvalid):
        add(writer, broken, "MARKET", 1)
    writer.add_raw(b"\xffbytes", "3 rows", subject="md", stream="MARKET", stream_seq=1, ts_store_ns=NOON_NS)
    add(writer, tick_batch(1, 3), "MARKET", 2)
    writer.flush()

    assert tick_seqs(tmp_path) == [1, 2, 3]
    (path,) = tmp_path.glob("MARKET/*/raw-*.parquet")
    assert pq.ParquetFile(path).read().to_pylist()[0]["payload"] == b"\xffbytes"


@pytest.mark.parametrize("ts_ns", [-(2**63), -1, 2**63 - 1])
def test_a_senseless_time_does_not_lose_the_row(tmp_path, ts_ns):
    writer = JournalWriter(tmp_path)
    batch = tick_batch(1, 1)
    columns = ts_ns.to_bytes(8, "little", signed=True) + batch.columns[8:]
    add(writer, msgspec.structs.replace(batch, columns=columns), "MARKET", 1)
    writer.flush()

    (chunk,) = chunks(journal_files(tmp_path), "trades")
    assert chunk.rows["ts_event_ns"].tolist() == [ts_ns]


def test_torn_and_foreign_files_are_named_and_the_rest_is_readable(tmp_path):
    writer = JournalWriter(tmp_path)
    for seq in (1, 2):
        add(writer, intent(seq), "INTENTS_PREDICT", seq)
        writer.flush()
    first, second = sorted(tmp_path.glob("*/*/*.parquet"))
    second.write_bytes(second.read_bytes()[:-20])
    stranger = first.with_name("notes.txt")
    stranger.write_text("hello")
    posing = first.with_name("verdicts-000000000001-000000000001.parquet")
    posing.write_bytes(first.read_bytes())

    found = scan(tmp_path)

    assert [file.path for file in found.files] == [first]
    assert {problem.path for problem in found.problems} == {second, stranger, posing}
    assert "torn or foreign" in str(next(p for p in found.problems if p.path == second))
    assert JournalWriter(tmp_path).problems == found.problems
    with pytest.raises(FileUnreadable, match="cannot be read"):
        journal_files(tmp_path)


def test_a_bit_that_flipped_inside_a_page_is_named(tmp_path):
    writer = JournalWriter(tmp_path)
    add(writer, tick_batch(1, 4000), "MARKET", 1)
    writer.flush()
    (path,) = tmp_path.glob("*/*/*.parquet")
    content = bytearray(path.read_bytes())
    place = pq.read_metadata(path).row_group(0).column(9)
    content[place.data_page_offset + place.total_compressed_size // 2] ^= 4
    path.write_bytes(content)

    with pytest.raises(FileUnreadable) as caught:
        list(chunks(journal_files(tmp_path), "trades"))
    assert caught.value.path == path


def test_a_file_that_lacks_a_column_is_named(tmp_path):
    writer = JournalWriter(tmp_path)
    add(writer, tick_batch(1, 3), "MARKET", 1)
    add(writer, intent(1), "INTENTS_PREDICT", 1)
    writer.flush()
    for path, column in ((next(tmp_path.glob("MARKET/*/*")), "row"), (next(tmp_path.glob("I*/*/*")), "side")):
        pq.write_table(pq.ParquetFile(path).read().drop_columns([column]), path)

    with pytest.raises(FileUnreadable, match="0 columns named row"):
        list(chunks(journal_files(tmp_path), "trades"))
    with pytest.raises(FileUnreadable, match="missing required field `side`"):
        stored(tmp_path, "intents")


def test_a_row_of_before_a_field_was_added_takes_its_default(tmp_path):
    writer = JournalWriter(tmp_path)
    add(writer, intent(1), "INTENTS_PREDICT", 1)
    writer.flush()
    (path,) = tmp_path.glob("*/*/*")
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["req_id", "prompt_hash"]), path)

    assert stored(tmp_path, "intents") == [intent(1)]


def test_the_probe_tells_a_folder_that_cannot_be_written(tmp_path):
    probe(tmp_path)
    assert not list(tmp_path.iterdir())
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(JournalUnwritable, match="forbids writing"):
            probe(tmp_path)
    finally:
        tmp_path.chmod(0o755)
    with pytest.raises(JournalUnwritable):
        probe(tmp_path / "missing")


def rewound(writer, first, last):
    """The stream lost its end and stores other messages under these sequences."""
    for seq in range(first, last + 1):
        assert writer.add(
            intent(100 + seq),
            subject="a.b",
            stream="MARKET",
            stream_seq=seq,
            ts_store_ns=NOON_NS + 1000 + seq,
        )


@pytest.mark.parametrize("is_reopened", [True, False])
@pytest.mark.parametrize("flushed", [0, 4, 6])
def test_sequences_that_a_crashed_broker_gives_out_again_are_a_new_life_behind_the_old_one(
    tmp_path, is_reopened, flushed
):
    writer = JournalWriter(tmp_path)
    for seq in range(1, 7):
        add(writer, intent(seq), "MARKET", seq)
        if seq == flushed:
            writer.flush()
    if is_reopened:
        writer.flush()
        writer = JournalWriter(tmp_path)
    assert writer.read_from("MARKET") == 1
    for seq in range(1, 5):
        assert not add(writer, intent(seq), "MARKET", seq)
    rewound(writer, 5, 8)
    writer.flush()

    assert writer.rewinds == [Rewind("MARKET", 1, 5, 2)]
    assert [message.basis_seq for message in stored(tmp_path, "intents")] == [
        1,
        2,
        3,
        4,
        5,
        6,
        105,
        106,
        107,
        108,
    ]
    assert writer.last_seqs() == {"MARKET": 8}
    again = JournalWriter(tmp_path)
    assert (again.next_seq("MARKET"), again.read_from("MARKET")) == (9, 1)
    for seq in range(1, 5):
        assert not add(again, intent(seq), "MARKET", seq)
    assert again.rewinds == []


def test_a_second_crash_that_loses_more_than_the_first_one_is_a_third_life(tmp_path):
    writer = JournalWriter(tmp_path)
    for seq in range(1, 7):
        add(writer, intent(seq), "MARKET", seq)
    rewound(writer, 5, 6)
    writer.flush()

    again = JournalWriter(tmp_path)
    for seq in (3, 4):
        again.add(intent(seq), subject="a.b", stream="MARKET", stream_seq=seq, ts_store_ns=NOON_NS + 5000)
    again.flush()

    assert [message.basis_seq for message in stored(tmp_path, "intents")] == [
        1,
        2,
        3,
        4,
        5,
        6,
        105,
        106,
        3,
        4,
    ]
    assert again.rewinds == [Rewind("MARKET", 2, 3, 4)]


def test_a_crash_between_the_files_of_a_flush_is_not_finished_by_a_file_of_another_life(
    tmp_path, monkeypatch
):
    writer = JournalWriter(tmp_path)
    add(writer, intent(1), "MARKET", 1)
    writer.flush()
    rewound(writer, 1, 1)

    def crash(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()

    JournalWriter(tmp_path)
    assert [message.basis_seq for message in stored(tmp_path, "intents")] == [1]
