"""The feature processor: one row a tick, the same bits under any chunking, nothing from the future."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts import codec
from contracts.columns import ColumnsInvalid, feature_columns, feature_rows
from contracts.features import FeatureBatch
from contracts.market import TickBatch
from contracts.operations import DeadCause
from streams.features import FeatureProcessor
from tests.streams.features.reference import REFERENCES, Trade
from tests.streams.ticks import START_NS, batch, batches, trades, walk

COUNT = 1_500
WALK = walk(COUNT, aggressor=(0, 0, 1, -1))
cuts_of_walk = st.lists(st.integers(1, COUNT - 1), max_size=30)


def processed(parts, processor=None):
    """The columns of all feature rows, joined."""
    processor = processor or FeatureProcessor()
    outputs = [output for part in parts if (output := processor.process(part)) is not None]
    columns = [feature_columns(output) for output in outputs]
    return {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}


def bits(columns):
    return {name: column.tobytes() for name, column in columns.items()}


WHOLE = processed(batches(WALK))


@pytest.mark.parametrize("name", FeatureProcessor().names)
@pytest.mark.parametrize(
    "columns",
    [
        WALK,
        walk(1_200, seed=2),
        walk(1_200, seed=3, tick=1e-6, price=0.001),
        walk(1_200, seed=4, tick=0.01, price=9e8),
        walk(1_200, seed=5, tick=120.0, price=20_000.0),
        walk(900, seed=6, tick=0.0),
    ],
    ids=["sides", "tick-rule", "tiny", "huge", "jumpy", "flat"],
)
def test_equals_its_definition(name, columns):
    if name not in REFERENCES:
        pytest.skip(
            f"{name} has no plain reference in tests/streams/features/reference.py: only its bits are held"
        )
    expected = REFERENCES[name](
        [Trade(*row) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]
    )
    found = [row.values[name] for part in outputs(columns) for row in feature_rows(part)]
    assert [value is None for value in found] == [value is None for value in expected]
    pairs = [(f, e) for f, e in zip(found, expected, strict=True) if f is not None]
    assert len(pairs) > 100
    for got, wanted in pairs:
        assert got == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def outputs(columns):
    processor = FeatureProcessor()
    return [processor.process(part) for part in batches(columns)]


@given(cuts_of_walk)
def test_gives_the_same_bits_under_any_chunking(cuts):
    assert bits(processed(batches(WALK, cuts))) == bits(WHOLE)


@given(st.integers(1, COUNT - 1), st.randoms(use_true_random=False))
def test_a_poisoned_future_changes_nothing_before_it(row, random):
    poisoned = {name: column.copy() for name, column in WALK.items()}
    poisoned["price"][row:] *= random.choice([0.01, 7.0, 1e5])
    poisoned["size"][row:] = random.choice([0.0, 1e12])
    poisoned["aggressor"][row:] = random.choice([-1, 0, 1])
    poisoned["ts_event_ns"][row:] += random.choice([0, 10**15])
    found = processed(batches(poisoned))
    assert {name: column[:row].tobytes() for name, column in found.items()} == {
        name: column[:row].tobytes() for name, column in WHOLE.items()
    }


def test_a_row_follows_each_tick_with_its_sequence_time_and_price():
    assert WHOLE["seq"].tolist() == list(range(1, COUNT + 1))
    assert (WHOLE["ts_event_ns"] == WALK["ts_event_ns"]).all()
    assert (WHOLE["price"] == WALK["price"]).all()


def test_a_value_is_zero_and_not_valid_until_its_warm_up_is_over():
    for bit, feature in enumerate(FeatureProcessor().features):
        valid = (WHOLE["valid"] >> np.uint64(bit) & np.uint64(1)).astype(bool)
        assert not valid[: feature.warm_up].any()
        assert valid[feature.warm_up :].all()
        assert (WHOLE[feature.name][: feature.warm_up] == 0.0).all()


def test_its_batches_survive_the_codec():
    output = FeatureProcessor().process(batches(WALK)[0])
    assert codec.decode(FeatureBatch, codec.encode(output)) == output


def test_symbols_and_sources_have_a_state_each():
    processor = FeatureProcessor()
    mixed = [
        part
        for group in zip(
            batches(WALK, [400]),
            batches(WALK, [400], symbol="NQ"),
            batches(WALK, [400], source="other"),
            strict=True,
        )
        for part in group
    ]
    found = [processor.process(part) for part in mixed]
    for offset in range(3):
        columns = [feature_columns(output) for output in found[offset::3]]
        joined = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
        assert bits(joined) == bits(WHOLE)
    assert processor.statistics().symbols == 3


@given(cuts_of_walk, st.integers(0, 300))
def test_rows_seen_before_are_dropped_and_counted(cuts, overlap):
    processor = FeatureProcessor()
    parts = batches(WALK, cuts)
    again = [
        batch({name: column[:end] for name, column in WALK.items()})
        for part in parts
        if (end := min(part.first_seq + part.count - 1 + overlap, COUNT)) <= 4_096
    ]
    found = processed([copy for pair in zip(parts, again, strict=True) for copy in pair], processor)
    assert bits(found) == bits(WHOLE)
    statistics = processor.statistics()
    offered = rows_of(parts) + rows_of(again)
    assert statistics.rows == COUNT
    assert statistics.duplicates == offered - COUNT


def rows_of(parts):
    return sum(part.count for part in parts)


def test_a_hole_in_the_sequence_is_counted_and_processing_goes_on():
    processor = FeatureProcessor()
    head, _, tail = batches(WALK, [100, 140])
    processor.process(head)
    after = processor.process(tail)
    statistics = processor.statistics()
    assert (statistics.gaps, statistics.missing) == (1, 40)
    assert after.count == tail.count
    assert feature_columns(after)["seq"][0] == 141


def test_a_stream_that_does_not_begin_at_its_first_row_has_a_hole():
    processor = FeatureProcessor()
    processor.process(batch(WALK, first_seq=11))
    assert processor.statistics().missing == 10


@given(
    cuts_of_walk,
    st.sets(st.integers(1, COUNT - 1), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_late_and_unusable_rows_are_set_aside_and_change_nothing_else(cuts, wrong, random):
    """The good rows give what they give alone, with their own sequences."""
    dirty = {name: column.copy() for name, column in WALK.items()}
    causes = {}
    for row in sorted(wrong):
        kind = random.choice(["late", "price", "size", "side"])
        if kind == "late":
            dirty["ts_event_ns"][row] = START_NS - 1
            causes[row + 1] = DeadCause.TIME_WENT_BACK
        elif kind == "price":
            dirty["price"][row] = random.choice([np.nan, np.inf, 2e9])
            causes[row + 1] = DeadCause.PRICE_NOT_FINITE
        elif kind == "size":
            dirty["size"][row] = random.choice([np.nan, -1.0, np.inf])
            causes[row + 1] = DeadCause.SIZE_INVALID
        else:
            dirty["aggressor"][row] = 5
            causes[row + 1] = DeadCause.UNDECODABLE
    processor = FeatureProcessor()
    found = processed(batches(dirty, cuts), processor)
    good = np.array([row for row in range(COUNT) if row not in wrong])
    alone = processed(batches({name: column[good] for name, column in WALK.items()}))
    assert found["seq"].tolist() == (good + 1).tolist()
    assert bits({name: found[name] for name in found if name != "seq"}) == bits(
        {name: alone[name] for name in alone if name != "seq"}
    )
    assert {row.seq: row.cause for row in processor.take_aside()} == causes
    assert not processor.take_aside()
    statistics = processor.statistics()
    late = sum(cause is DeadCause.TIME_WENT_BACK for cause in causes.values())
    assert (statistics.late, statistics.unusable) == (late, len(wrong) - late)


def test_a_batch_of_late_rows_only_makes_no_rows():
    processor = FeatureProcessor()
    processor.process(batch(trades([(100, 10.0, 1.0, 0)])))
    assert processor.process(batch(trades([(99, 10.0, 1.0, 0)]), first_seq=2)) is None
    assert processor.process(batch(trades([(100, 10.0, 1.0, 0)]), first_seq=3)).count == 1
    assert processor.statistics().gaps == 0


def test_columns_of_the_wrong_length_change_nothing():
    processor = FeatureProcessor()
    good = batches(WALK)[0]
    short = replace(good, columns=good.columns[:-1])
    with pytest.raises(ColumnsInvalid, match=f"columns hold {25 * COUNT - 1} bytes, expected {25 * COUNT}"):
        processor.process(short)
    assert bits(processed([good], processor)) == bits(WHOLE)


def test_quotes_are_ignored_and_counted():
    processor = FeatureProcessor()
    quote = TickBatch(
        source="test",
        venue="CME",
        symbol="ES",
        kind="quote",
        first_seq=1,
        count=2,
        ts_recv_ns=0,
        columns=bytes(80),
    )
    assert processor.process(quote) is None
    assert processor.statistics().ignored == 2


def test_no_second_compilation_on_the_first_live_batch():
    """The bus gives read-only columns; the fused kernel has one signature, and warming up used it."""
    processor = FeatureProcessor()
    processor.warm_up()
    signatures = list(processor._fused.signatures)
    processor.process(codec.decode(TickBatch, codec.encode(batches(WALK)[0])))
    assert processor._fused.signatures == signatures
    assert len(signatures) == 1


def test_a_row_joins_volume_that_is_zero():
    """Sizes of 0 are legal: the average is the price, and nobody was stronger."""
    rows = trades([(START_NS + row, 10.0 + row % 3, 0.0, 1) for row in range(600)])
    found = processed(batches(rows))
    assert (found["vwap"][511:] == rows["price"][511:]).all()
    assert (found["trade_imbalance"] == 0.0).all()


def test_nothing_remains_of_a_huge_price_that_left_the_window():
    prices = np.full(2_000, 100.0)
    prices[1::2] = 100.25
    calm = walk(2_000) | {"price": prices}
    shocked = calm | {"price": prices.copy()}
    shocked["price"][300] = 1e9
    quiet, after = processed(batches(calm)), processed(batches(shocked))
    assert quiet["zscore"][900:] == pytest.approx(after["zscore"][900:], rel=1e-12)
    assert quiet["vwap"][1_100:] == pytest.approx(after["vwap"][1_100:], rel=1e-14)
