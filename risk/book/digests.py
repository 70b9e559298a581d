"""What was seen, for ever: 128-bit digests to a number, in little more than 24 bytes each.

A ``dict`` of the same takes seven times the memory, and this one never forgets: rows of 16 bytes
digest and 8 bytes number, in buckets by the digest's first bits. The bytes of two indexes with the
same content are equal, in whatever order it came.
"""

from hashlib import blake2b

_BUCKETS = 1 << 12
_KEY_BYTES = 16
_ROW_BYTES = 24


def digest_of(text: str) -> bytes:
    """The 16-byte key of a text. Callers join several with NULs, which none of them holds."""
    return blake2b(text.encode(), digest_size=_KEY_BYTES).digest()


class DigestIndex:
    """A map from digests to numbers that only grows; a number is never replaced."""

    def __init__(self) -> None:
        self._buckets = [bytearray() for _ in range(_BUCKETS)]
        self._unsorted: set[int] = set()

    def __len__(self) -> int:
        return sum(map(len, self._buckets)) // _ROW_BYTES

    def get(self, key: bytes) -> int | None:
        """The number that the key came with, or None."""
        return _number_of(key, self._buckets[_place_of(key)])

    def add(self, key: bytes, number: int) -> int | None:
        """Keep a new key with its number, in 0..2^64-1, and return None; of a known one, its first number."""
        place = key[0] << 4 | key[1] >> 4
        bucket = self._buckets[place]
        if key in bucket:  # the bytes stand there; whether as a key is for ``_number_of`` to say
            known = _number_of(key, bucket)
            if known is not None:
                return known
        bucket += key
        bucket += number.to_bytes(8, "little")
        self._unsorted.add(place)
        return None

    def to_bytes(self) -> bytes:
        """All rows, sorted by key."""
        for place in self._unsorted:
            self._buckets[place][:] = b"".join(sorted(_rows(self._buckets[place])))
        self._unsorted.clear()
        return b"".join(self._buckets)

    @classmethod
    def from_bytes(cls, rows: bytes) -> "DigestIndex":
        """The inverse of ``to_bytes``. Raises ValueError where the rows are not what it makes."""
        if len(rows) % _ROW_BYTES:
            raise ValueError(f"digest rows hold {len(rows)} bytes, expected a multiple of {_ROW_BYTES}")
        index, previous = cls(), b""
        for row in _rows(rows):
            key = row[:_KEY_BYTES]
            if key <= previous:
                raise ValueError(f"digest rows are not strictly sorted: {key.hex()} after {previous.hex()}")
            index._buckets[_place_of(key)] += row
            previous = key
        return index


def _place_of(key: bytes) -> int:
    # The first 12 bits, so that buckets in order hold the keys in order.
    return key[0] << 4 | key[1] >> 4


def _rows(rows: bytes | bytearray) -> list[bytes]:
    return [bytes(rows[start : start + _ROW_BYTES]) for start in range(0, len(rows), _ROW_BYTES)]


def _number_of(key: bytes, bucket: bytearray) -> int | None:
    at = bucket.find(key)
    while at >= 0:
        if at % _ROW_BYTES == 0:
            return int.from_bytes(bucket[at + _KEY_BYTES : at + _ROW_BYTES], "little")
        at = bucket.find(key, at + 1)  # not at a row's start: other rows' bytes that look like it
    return None
