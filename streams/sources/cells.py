"""Cells of a file as columns of numbers: exact, vectorised, and clear about the first bad one."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.scalars import INT64_MAX
from streams.sources.local_time import LocalTimeInvalid, instant_ns, to_utc_ns

UNITS_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Units of a numeric time column: time since 1970 in UTC."""

SPAN = "from 1677 to 2262"
"""What nanoseconds since 1970 can say in 64 bits."""

AGGRESSORS = {"1": 1, "-1": -1, "0": 0, "": 0, "buy": 1, "sell": -1, "b": 1, "s": -1, "unknown": 0}
"""Texts of an aggressor column, whatever their case. True and false are not among them: whether
they mean the buyer or the maker differs from venue to venue."""

_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CellInvalid(ValueError):
    """A cell cannot be read.

    Attributes:
        row: Its index in the column.
        found: What is there.
        expected: What would work.
    """

    def __init__(self, row: int, found: str, expected: str) -> None:
        self.row, self.found, self.expected = row, found, expected
        super().__init__(f"row {row} is {found}; expected {expected}")


def floats(column: pa.Array) -> NDArray[np.float64]:
    """Numbers, or their text, as float64. NaN and infinity pass: judging them is the guard's work."""
    _refuse_empty(column, "a number")
    try:
        values = pc.cast(column, pa.float64(), safe=False)
    except pa.ArrowException:
        _blame(column, _is_number, "a number")
        raise
    return np.ascontiguousarray(values.to_numpy(zero_copy_only=False))


def whole_numbers(column: pa.Array) -> NDArray[np.int64]:
    """Whole numbers, or their text, as int64."""
    _refuse_empty(column, "a whole number")
    try:
        values = pc.cast(column, pa.int64())
    except pa.ArrowException:
        _blame(column, _is_whole, "a whole number")
        raise
    return np.ascontiguousarray(values.to_numpy(zero_copy_only=False))


def aggressors(column: pa.Array) -> NDArray[np.int8]:
    """1 the buyer, -1 the seller, 0 not known; int8."""
    texts = ["" if cell is None else str(cell).strip().lower() for cell in column.to_pylist()]
    for row, text in enumerate(texts):
        if text not in AGGRESSORS:
            raise CellInvalid(row, repr(text), "1, -1, 0, buy, sell, b, s or unknown")
    return np.array([AGGRESSORS[text] for text in texts], dtype=np.int8)


def times_ns(column: pa.Array, time_format: str, time_zone: str) -> NDArray[np.int64]:
    """Event times as UTC nanoseconds.

    Args:
        time_format: For numbers a unit (``s ms us ns`` since 1970, UTC); for text ``iso`` or a
            ``strptime`` pattern. A Parquet timestamp needs none: it says its own unit.
        time_zone: IANA name of the zone of times that name none; empty refuses them.

    Raises:
        CellInvalid: a cell is no such time, or names no instant or two.
    """
    _refuse_empty(column, "a time")
    if pa.types.is_timestamp(column.type):
        local = _timestamp_ns(column)
        return local if column.type.tz else _localised(local, time_zone)
    if time_format in UNITS_NS:
        return _from_unit(column, time_format)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise CellInvalid(0, f"a {column.type}", f"text in the form {time_format!r}, or a unit: s ms us ns")
    if time_format == "iso":
        return _from_iso(column, time_zone)
    return _from_pattern(column, time_format, time_zone)


def _from_unit(column: pa.Array, unit: str) -> NDArray[np.int64]:
    scale = UNITS_NS[unit]
    most = INT64_MAX // scale
    if pa.types.is_integer(column.type):
        whole = whole_numbers(column)
        _refuse_outside(column, (whole > most) | (whole < -most), unit)
        return whole * scale
    # Through decimals: a float of seconds since 1970 holds no nanoseconds.
    try:
        decimals = pc.cast(column, pa.decimal128(38, 9))
    except pa.ArrowException:
        _blame(column, _is_number, f"a time in {unit} since 1970")
        raise CellInvalid(0, "a number with more than 9 decimals", f"a time in {unit} since 1970") from None
    limit = pa.scalar(Decimal(most), decimals.type)
    is_outside = pc.or_(pc.greater(decimals, limit), pc.less(decimals, pc.negate(limit)))
    _refuse_outside(column, is_outside.to_numpy(zero_copy_only=False), unit)
    scaled = pc.multiply(pc.cast(decimals, pa.decimal256(48, 9)), pa.scalar(scale))
    nanos = pc.cast(scaled, pa.int64(), safe=False)
    return np.ascontiguousarray(nanos.to_numpy(zero_copy_only=False))


def _refuse_outside(column: pa.Array, is_outside: NDArray[np.bool_], unit: str) -> None:
    """Milliseconds read as seconds need more than 64 bits of nanoseconds, and would come back as others."""
    if is_outside.any():
        row = int(is_outside.argmax())
        raise CellInvalid(
            row, repr(column[row].as_py()), f"a time in {unit} since 1970, {SPAN}; is it in another unit?"
        )


def _from_iso(column: pa.Array, time_zone: str) -> NDArray[np.int64]:
    has_offset = bool(_OFFSET.search(str(column[0].as_py()).strip()))
    expected = "an ISO 8601 time with an offset" if has_offset else "an ISO 8601 time without an offset"
    try:
        stamps = pc.cast(column, pa.timestamp("ns", "UTC" if has_offset else None))
    except pa.ArrowException as error:
        _blame(column, lambda text: _is_iso(text, has_offset=has_offset), f"{expected}, like the first")
        raise CellInvalid(0, str(error), expected) from error
    nanos = _timestamp_ns(stamps)
    return nanos if has_offset else _localised(nanos, time_zone)


def _from_pattern(column: pa.Array, pattern: str, time_zone: str) -> NDArray[np.int64]:
    wall, is_aware = np.empty(len(column), dtype=np.int64), False
    for row, text in enumerate(column.to_pylist()):
        try:
            moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone follows below
        except ValueError:
            raise CellInvalid(row, repr(text), f"a time in the form {pattern!r}") from None
        is_aware = moment.tzinfo is not None
        span = (moment if is_aware else moment.replace(tzinfo=UTC)) - _EPOCH
        nanos = ((span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds) * 1_000
        if abs(nanos) > INT64_MAX:
            raise CellInvalid(row, repr(text), f"a time {SPAN}")
        wall[row] = nanos
    return wall if is_aware else _localised(wall, time_zone)


def _localised(local_ns: NDArray[np.int64], time_zone: str) -> NDArray[np.int64]:
    if not time_zone:
        expected = "one with an offset, or its zone by --tz, such as America/New_York or UTC"
        raise CellInvalid(0, "a time without an offset", expected)
    try:
        return to_utc_ns(local_ns, time_zone)
    except LocalTimeInvalid as error:
        expected = "a time that names one instant; give UTC times, or an offset with each"
        raise CellInvalid(error.row, f"{error.found} in {time_zone}", expected) from error


def _timestamp_ns(column: pa.Array) -> NDArray[np.int64]:
    try:
        nanos = pc.cast(column, pa.timestamp("ns", column.type.tz)).cast(pa.int64())
    except pa.ArrowException as error:
        raise CellInvalid(0, str(error), f"times {SPAN}") from error
    return np.ascontiguousarray(nanos.to_numpy(zero_copy_only=False))


def _refuse_empty(column: pa.Array, expected: str) -> None:
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise CellInvalid(int(row), "empty", expected)


def _blame(column: pa.Array, is_good: Callable[[str], bool], expected: str) -> None:
    for row, cell in enumerate(column.to_pylist()):
        if not is_good(str(cell)):
            raise CellInvalid(row, repr(cell), expected)


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True


def _is_whole(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d{1,19}", text)) and -(2**63) <= int(text) < 2**63


def _is_iso(text: str, *, has_offset: bool) -> bool:
    if bool(_OFFSET.search(text)) != has_offset:
        return False
    try:
        instant_ns(text, "UTC")
    except ValueError:
        return False
    return True
