"""What was seen, for ever, against a dict."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.book.digests import DigestIndex, digest_of

KEYS = st.binary(min_size=16, max_size=16)
# Keys that share their bucket, and hold each other's bytes where no row starts.
CLOSE_KEYS = st.lists(st.sampled_from([0, 1]), min_size=16, max_size=16).map(bytes)
ADDED = st.lists(st.tuples(KEYS | CLOSE_KEYS, st.integers(0, 2**64 - 1)), max_size=60)


def filled(rows) -> DigestIndex:
    index = DigestIndex()
    for key, number in rows:
        index.add(key, number)
    return index


@settings(deadline=None)
@given(ADDED, KEYS | CLOSE_KEYS)
def test_keeps_the_first_number_of_every_key(rows, other):
    expected: dict[bytes, int] = {}
    index = DigestIndex()
    for key, number in rows:
        assert index.add(key, number) == expected.get(key)
        expected.setdefault(key, number)

    assert len(index) == len(expected)
    assert [index.get(key) for key in (*expected, other)] == [*expected.values(), expected.get(other)]


@settings(deadline=None)
@given(ADDED, st.randoms(use_true_random=False))
def test_its_bytes_are_those_of_its_content_in_whatever_order_it_came(rows, random):
    unique = list({key: (key, number) for key, number in rows}.values())
    shuffled = list(unique)
    random.shuffle(shuffled)

    data = filled(unique).to_bytes()

    assert filled(shuffled).to_bytes() == data
    assert data == b"".join(key + number.to_bytes(8, "little") for key, number in sorted(unique))


@settings(deadline=None)
@given(ADDED, ADDED)
def test_goes_on_from_its_bytes(first, second):
    whole, index = filled(first + second), DigestIndex.from_bytes(filled(first).to_bytes())

    for key, number in second:
        index.add(key, number)

    assert index.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("rows", [b"x", bytes(24 * 2), bytes([1]) * 24 + bytes(24)])
def test_refuses_bytes_that_it_does_not_write(rows):
    with pytest.raises(ValueError, match="digest rows"):
        DigestIndex.from_bytes(rows)


def test_a_key_is_16_bytes_of_its_text_alone():
    assert digest_of("a\0b") == digest_of("a\0b") != digest_of("ab")
    assert len(digest_of("")) == 16
