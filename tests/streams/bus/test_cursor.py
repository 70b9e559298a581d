"""An ordered reader's position: what it takes, what it notices. See streams/bus/cursor.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.bus.cursor import Cursor
from streams.bus.messages import Message, StreamState


def delivered(stream_seq: int, consumer_seq: int, ts_store_ns: int = 0) -> Message:
    return Message(
        "md.clock",
        b"",
        stream="MARKET",
        stream_seq=stream_seq,
        consumer_seq=consumer_seq,
        ts_store_ns=ts_store_ns,
    )


def state(first_seq: int, last_seq: int) -> StreamState:
    return StreamState(
        name="MARKET",
        created="",
        first_seq=first_seq,
        last_seq=last_seq,
        messages=last_seq - first_seq + 1,
        bytes=0,
    )


def seqs(messages: list[Message]) -> list[int]:
    return [message.stream_seq for message in messages]


def test_takes_what_follows_and_moves_on():
    cursor = Cursor(3, is_filtered=False)
    kept, missing = cursor.admit([delivered(3, 1), delivered(4, 2)])
    assert (seqs(kept), missing, cursor.next_seq) == ([3, 4], 0, 5)


def test_a_lost_delivery_breaks_it_before_the_hole():
    cursor = Cursor(1, is_filtered=False)
    kept, missing = cursor.admit([delivered(1, 1), delivered(3, 3), delivered(4, 4)])
    assert (seqs(kept), missing) == ([1], 0)
    assert cursor.is_broken
    assert cursor.next_seq == 2


def test_takes_nothing_while_broken_and_again_after_attaching():
    cursor = Cursor(1, is_filtered=False)
    cursor.admit([delivered(2, 2)])
    assert cursor.admit([delivered(1, 1)]) == ([], 0)
    assert cursor.attach(state(1, 5)) == 0
    assert seqs(cursor.admit([delivered(1, 1)])[0]) == [1]


def test_counts_what_the_stream_discarded_between_two_deliveries():
    cursor = Cursor(1, is_filtered=False)
    kept, missing = cursor.admit([delivered(1, 1), delivered(5, 2)])
    assert (seqs(kept), missing) == ([1, 5], 3)


def test_a_filter_leaves_out_without_a_gap():
    cursor = Cursor(1, is_filtered=True)
    kept, missing = cursor.admit([delivered(1, 1), delivered(5, 2)])
    assert (seqs(kept), missing) == ([1, 5], 0)


@pytest.mark.parametrize(("first_seq", "missing", "next_seq"), [(10, 0, 10), (11, 1, 11), (15, 5, 15)])
def test_counts_what_was_discarded_before_it_attached(first_seq, missing, next_seq):
    cursor = Cursor(10, is_filtered=True)
    assert cursor.attach(state(first_seq, 20)) == missing
    assert cursor.next_seq == next_seq


@pytest.mark.parametrize(("last_seq", "missing", "next_seq"), [(9, 0, 10), (8, 1, 9), (0, 9, 1)])
def test_a_stream_that_lost_its_tail_is_read_from_its_new_end(last_seq, missing, next_seq):
    cursor = Cursor(10, is_filtered=False)
    assert cursor.attach(state(1 if last_seq else 0, last_seq)) == missing
    assert cursor.next_seq == next_seq


def test_positions_count_from_one():
    with pytest.raises(ValueError, match="expected 1 or more"):
        Cursor(0, is_filtered=False)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=30),
    st.lists(st.integers(0, 40), max_size=6),
    st.integers(1, 7),
)
def test_whatever_is_lost_on_the_way_everything_stored_is_handed_out_once_in_order(steps, losses, batch):
    """Each attach delivers again from the next needed position, and may lose one delivery."""
    stored = [sum(steps[: index + 1]) for index in range(len(steps))]
    cursor = Cursor(1, is_filtered=False)
    taken: list[int] = []
    gaps = 0
    for loss in [*losses, None]:
        gaps += cursor.attach(state(stored[0], stored[-1]))
        due = [seq for seq in stored if seq >= cursor.next_seq]
        sent = [delivered(seq, number) for number, seq in enumerate(due, 1) if number != loss]
        for start in range(0, len(sent), batch):
            kept, missing = cursor.admit(sent[start : start + batch])
            taken += seqs(kept)
            gaps += missing
    assert taken == stored
    assert gaps == stored[-1] - len(stored)


def test_sequences_that_were_given_out_again_before_it_looked_are_taken_and_counted():
    """The stream lost 5 to 8 in a crash, and had got to 10 again before the reader came back."""
    cursor = Cursor(1, is_filtered=False)
    cursor.admit([delivered(seq, seq, ts_store_ns=seq) for seq in range(1, 9)])
    assert cursor.attach(state(1, 10)) == 0
    assert cursor.look_back_seq == 1

    again = [delivered(seq, seq, ts_store_ns=seq if seq < 5 else 100 + seq) for seq in range(1, 11)]
    kept, missing = cursor.admit(again)

    assert (seqs(kept), missing, cursor.next_seq) == ([5, 6, 7, 8, 9, 10], 4, 11)


def test_a_look_back_at_the_same_stream_hands_nothing_out_twice():
    cursor = Cursor(1, is_filtered=False)
    cursor.admit([delivered(seq, seq, ts_store_ns=seq) for seq in range(1, 9)])
    cursor.attach(state(1, 9))

    kept, missing = cursor.admit([delivered(seq, seq, ts_store_ns=seq) for seq in range(1, 10)])

    assert (seqs(kept), missing) == ([9], 0)


def test_a_stream_that_is_shorter_than_what_was_read_is_not_looked_back_at_beyond_its_end():
    cursor = Cursor(1, is_filtered=False)
    cursor.admit([delivered(seq, seq, ts_store_ns=seq) for seq in range(1, 9)])
    assert cursor.attach(state(1, 5)) == 3

    kept, missing = cursor.admit([delivered(5, 1, 5), delivered(6, 2, 6), delivered(7, 3, 77)])

    assert (seqs(kept), missing) == ([6, 7], 0)
