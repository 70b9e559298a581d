"""Spoiled bodies: what a broken, careless or malicious sender puts where an intent should be."""

import math
import random
import struct
from collections.abc import Callable
from typing import Final

import msgspec

Fields = dict[str, object]

_encode = msgspec.msgpack.Encoder().encode

FLOATS: Final = (
    math.nan,
    -math.nan,
    math.inf,
    -math.inf,
    -1.0,
    -5e-324,
    -1e-6,
    1e308,
    math.nextafter(1e12, math.inf),
    1e12 + 1,
    10**12 + 1,
    10**30 % 2**63,
    True,
    None,
    "5.0",
    b"5.0",
    [5.0],
    {"value": 5.0},
)
"""Targets that are no amount of money."""

_COUNTS: Final = (-1, 2**63, 2**64 - 1, 1.0, 0.5, math.nan, True, None, "7", [7])
_TEXTS: Final = (None, 7, 1.5, b"abc", ["abc"], {"a": 1}, "", "x" * 5_000, "\x00", "Ünïcode")
_WRONG: Final[dict[str, tuple[object, ...]]] = {
    "target_notional": FLOATS,
    "max_slippage_bps": (-1, 10_001, 2**63, 3.0, math.nan, True, None, "10"),
    "ts_event_ns": _COUNTS,
    "basis_seq": _COUNTS,
    "basis_ts_ns": _COUNTS,
    "ts_recv_ns": _COUNTS,
    "symbol": (*_TEXTS, "es", "ES\n", "ES ", " ES", "A" * 17, "A.B.C.D", "ES/", "../ES", "ES>"),
    "strategy_id": (*_TEXTS, "Alpha", "alpha\n", "1alpha", "a" * 33, "al.pha", "*", ">"),
    "side": (*_TEXTS, "LONG", "buy", "long ", "flat\n", "nan"),
    "urgency": (*_TEXTS, "HIGH", "now"),
    "basis_source": (*_TEXTS, "SIM", "sim\n", "s" * 49, "-sim"),
    "intent_id": (*_TEXTS, "a" * 31, "a" * 129, "A" * 32, "g" * 32, "a" * 32 + "\n"),
    "prompt_hash": (None, 7, "abc", "\n", "g" * 32, b""),
    "req_id": (None, 7, "r" * 65),
    "explain": (None, 7, "x" * 251, "é" * 251, b"x", ["x"]),
    "schema": (None, 1, "", "intent.v2", "Intent.v1", "verdict.v1", b"intent.v1"),
}
_REQUIRED: Final = (
    "schema",
    "symbol",
    "side",
    "target_notional",
    "urgency",
    "max_slippage_bps",
    "intent_id",
    "strategy_id",
    "ts_event_ns",
    "basis_source",
    "basis_seq",
    "basis_ts_ns",
)


def spoiled(rng: random.Random, fields: Fields) -> bytes:
    """A body made of a good intent's fields that is most likely good no more."""
    return rng.choice(_SPOILERS)(rng, fields)


def odd_but_good(rng: random.Random, fields: Fields) -> bytes:
    """A body that is unusual and must be read all the same."""
    return rng.choice(_ODDITIES)(rng, fields)


def _wrong_value(rng: random.Random, fields: Fields) -> bytes:
    name = rng.choice(tuple(_WRONG))
    return _encode({**fields, name: rng.choice(_WRONG[name])})


def _missing(rng: random.Random, fields: Fields) -> bytes:
    gone = rng.choice(_REQUIRED)
    return _encode({name: value for name, value in fields.items() if name != gone})


def _cut(rng: random.Random, fields: Fields) -> bytes:
    body = _encode(fields)
    return body[: rng.randrange(len(body))]


def _longer(rng: random.Random, fields: Fields) -> bytes:
    return _encode(fields) + rng.randbytes(rng.randint(1, 4))


def _noise(rng: random.Random, _fields: Fields) -> bytes:
    return rng.randbytes(rng.randint(0, 200))


def _flipped(rng: random.Random, fields: Fields) -> bytes:
    body = bytearray(_encode(fields))
    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return bytes(body)


def _twice(rng: random.Random, fields: Fields) -> bytes:
    name = rng.choice(tuple(_WRONG))
    second = _encode(name) + _encode(rng.choice(_WRONG[name]))
    return _with_entries(fields, second)


def _key_that_is_no_text(rng: random.Random, fields: Fields) -> bytes:
    return _with_entries(fields, _encode(rng.choice((7, b"side", None, 1.5))) + _encode("long"))


def _other_shape(rng: random.Random, fields: Fields) -> bytes:
    values = list(fields.values())
    shapes: tuple[object, ...] = (values, [fields], None, 7, "intent", {"intent": fields}, {}, math.nan)
    return _encode(rng.choice(shapes))


def _deep(rng: random.Random, _fields: Fields) -> bytes:
    return b"\x91" * rng.choice((100, 10_000)) + b"\xc0"


def _plain(_rng: random.Random, fields: Fields) -> bytes:
    return msgspec.json.encode(fields)


def _unknown_field(rng: random.Random, fields: Fields) -> bytes:
    return _encode({**fields, "note": rng.choice((1, "x", None, [1, [2, {"a": 3}]], b"\xff", math.nan))})


def _unreadable_extra(rng: random.Random, fields: Fields) -> bytes:
    extra = rng.choice((b"\xa2\xff\xfe", b"\xd4\xff\x00", b"\xc7\x03\x05abc", b"\x91" * 50 + b"\xc0"))
    return _with_entries(fields, rng.choice((b"\xa1z", b"\xa2\xff\xfe")) + extra)


def _whole_money(_rng: random.Random, fields: Fields) -> bytes:
    target = fields["target_notional"]
    return _encode({**fields, "target_notional": int(target) if isinstance(target, float) else 0})


def _single_precision(_rng: random.Random, fields: Fields) -> bytes:
    rest = {name: value for name, value in fields.items() if name != "target_notional"}
    target = fields["target_notional"]
    packed = b"\xca" + struct.pack(">f", target if isinstance(target, float) else 0.0)
    return _with_entries(rest, _encode("target_notional") + packed)


def _shuffled(rng: random.Random, fields: Fields) -> bytes:
    items = list(fields.items())
    rng.shuffle(items)
    return _encode(dict(items))


def _repeated(rng: random.Random, fields: Fields) -> bytes:
    name = rng.choice(tuple(fields))
    return _with_entries(fields, _encode(name) + _encode(fields[name]))


def _with_entries(fields: Fields, entry: bytes) -> bytes:
    # A map of up to 15 entries has its count in its first byte, a longer one in the two after it.
    body, count = _encode(fields), len(fields) + 1
    rest = body[1:] if len(fields) <= 15 else body[3:]
    return b"\xde" + struct.pack(">H", count) + rest + entry


_SPOILERS: Final[tuple[Callable[[random.Random, Fields], bytes], ...]] = (
    *(_wrong_value,) * 8,
    _missing,
    _cut,
    _longer,
    _noise,
    _flipped,
    _flipped,
    _twice,
    _key_that_is_no_text,
    _other_shape,
    _deep,
    _plain,
)
_ODDITIES: Final[tuple[Callable[[random.Random, Fields], bytes], ...]] = (
    _unknown_field,
    _unreadable_extra,
    _whole_money,
    _single_precision,
    _shuffled,
    _repeated,
)
