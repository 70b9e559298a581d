"""Hashes over a journal: rows and their order count, nothing else does."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.columns import feature_columns, feature_layout, pack, packed_rows
from contracts.hashview import RowHash
from streams.journal.hashes import Range, TableHash, input_hashes, journal_hashes, run_hash
from streams.journal.writer import JournalWriter
from tests.streams.journal.journal_messages import NOON_NS, add, feature_batch, intent, tick_batch, verdict


def hashes(folder, messages, flush_after=(), **settings):
    """The hashes of a journal of these (stream, message), flushed where told and at the end."""
    writer = JournalWriter(folder)
    for seq, (stream, message) in enumerate(messages, start=1):
        add(writer, message, stream, seq)
        if seq in flush_after:
            writer.flush()
    writer.flush()
    return journal_hashes(folder, **settings)


def cut(batch, sizes):
    """The batch's rows in batches of these sizes, the last one taking the rest."""
    columns = feature_columns(batch)
    start, parts = 0, []
    for size in [*sizes, batch.count]:
        end = min(start + size, batch.count)
        if end > start:
            some = {name: column[start:end] for name, column in columns.items()}
            packed = pack(feature_layout(batch.names), some)
            parts.append(msgspec.structs.replace(batch, count=end - start, columns=packed))
        start = end
    return parts


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), max_size=8), flush_after=st.sets(st.integers(1, 9)))
def test_neither_batches_nor_flushes_have_a_say(tmp_path_factory, sizes, flush_after):
    batch = feature_batch(1, 20, valid=0b11)
    whole = hashes(tmp_path_factory.mktemp("whole"), [("FEATURES", batch)])
    parts = [("FEATURES", part) for part in cut(batch, sizes)]

    assert hashes(tmp_path_factory.mktemp("parts"), parts, flush_after) == whole
    assert whole["features", "core/es/CME/ES"].rows == 20


def test_rows_that_were_published_twice_count_once(tmp_path):
    once = hashes(
        tmp_path / "once",
        [("FEATURES", feature_batch(1, 6)), ("INTENTS_PREDICT", intent(1)), ("VERDICTS", verdict(1))],
    )
    twice = hashes(
        tmp_path / "twice",
        [
            ("FEATURES", feature_batch(1, 4)),
            ("INTENTS_PREDICT", intent(1)),
            ("FEATURES", feature_batch(2, 5)),
            ("INTENTS_PREDICT", intent(1)),
            ("VERDICTS", verdict(1)),
            ("VERDICTS", verdict(1)),
        ],
    )

    assert twice == once


def test_verdicts_count_in_the_gates_order_and_one_without_a_place_does_not(tmp_path):
    ordered = hashes(tmp_path / "a", [("VERDICTS", verdict(1)), ("VERDICTS", verdict(2))])
    late = msgspec.structs.replace(verdict(9), gate_seq=0)
    mixed = hashes(tmp_path / "b", [("VERDICTS", verdict(2)), ("VERDICTS", late), ("VERDICTS", verdict(1))])

    assert mixed == ordered
    assert ordered["verdicts", "gate"].rows == 2


@pytest.mark.parametrize("volatile", [{"ts_recv_ns": 99}, {"source": "other"}])
def test_volatile_fields_do_not_count_and_others_do(tmp_path, volatile):
    batch = feature_batch(1, 3)
    base = hashes(tmp_path / "a", [("FEATURES", batch)])
    changed = hashes(tmp_path / "b", [("FEATURES", msgspec.structs.replace(batch, **volatile))])

    assert (changed == base) == ("ts_recv_ns" in volatile)


def test_the_order_of_features_counts(tmp_path):
    base = hashes(tmp_path / "a", [("FEATURES", feature_batch(1, 3, names=("alpha", "beta"), valid=3))])
    other = hashes(tmp_path / "b", [("FEATURES", feature_batch(1, 3, names=("beta", "alpha"), valid=3))])

    assert other != base


def test_a_range_counts_the_rows_whose_event_time_it_holds(tmp_path):
    writer = JournalWriter(tmp_path)
    add(writer, tick_batch(1, 10), "MARKET", 1)
    writer.flush()
    whole = input_hashes(tmp_path)["trades", "es/CME/ES"]
    middle = input_hashes(tmp_path, within=Range(NOON_NS + 3, NOON_NS + 6))["trades", "es/CME/ES"]

    assert (whole.rows, middle.rows) == (10, 3)
    assert input_hashes(tmp_path, within=Range(0, NOON_NS)) == {}


def test_limits_cut_a_key_and_leave_others_whole(tmp_path):
    messages = [("FEATURES", feature_batch(1, 6)), ("VERDICTS", verdict(1)), ("VERDICTS", verdict(2))]
    cut_short = hashes(tmp_path / "a", messages, limits={("features", "core/es/CME/ES"): 4})
    expected = hashes(tmp_path / "b", [("FEATURES", feature_batch(1, 4)), *messages[1:]])

    assert cut_short == expected


def test_the_run_hash_covers_every_key_its_rows_and_the_chain():
    base = {("features", "a"): TableHash(1, "aa"), ("verdicts", "gate"): TableHash(2, "bb")}
    seen = {
        run_hash(base),
        run_hash(dict(reversed(base.items()))),
        run_hash(base, "cc"),
        run_hash(base | {("features", "a"): TableHash(2, "aa")}),
        run_hash(base | {("features", "b"): TableHash(1, "aa")}),
        run_hash({}),
    }

    assert len(seen) == 5
    assert len(run_hash({})) == 64


def test_a_warming_feature_hashes_as_the_zero_that_travelled(tmp_path):
    batch = feature_batch(1, 4, valid=0b01)
    assert np.count_nonzero(feature_columns(batch)["beta"]) == 0

    found = hashes(tmp_path, [("FEATURES", batch)])["features", "core/es/CME/ES"]

    expected = RowHash()
    expected.update(b"alpha,beta", rows=0)
    expected.update(packed_rows(feature_layout(batch.names), feature_columns(batch)), rows=4)
    assert found == (expected.rows, expected.hexdigest())
