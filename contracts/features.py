"""Features: numbers computed only from the past, one row a tick."""

from typing import Annotated

from msgspec import Meta, Struct

from contracts.market import TICKS_MAX, Source
from contracts.scalars import Count, FeatureSet, Nanos, Price, Symbol, Venue, VolatileNanos

FeatureName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}$(?!\n)")]

FeatureValue = Annotated[float, Meta(ge=-1e300, le=1e300)]
"""Any finite number of sense: the bound refuses NaN and infinity."""

FIXED_COLUMNS = (("seq", "<i8"), ("ts_event_ns", "<i8"), ("price", "<f8"), ("valid", "<u8"))
"""Leading columns of a ``FeatureBatch``; one ``<f8`` column for each name follows."""

FEATURES_MAX = 64
"""``valid`` has one bit a feature."""


class FeatureRow(Struct, frozen=True, kw_only=True, tag_field="schema", tag="feature_row.v1"):
    """The features of one symbol just after one tick; a row of a feature batch.

    Attributes:
        seq: Sequence of the tick it follows.
        price: Price of that tick.
        values: One finite number a feature, or None until its warm-up is over.
    """

    set: FeatureSet
    venue: Venue
    symbol: Symbol
    seq: Count
    ts_event_ns: Nanos
    price: Price
    values: dict[FeatureName, FeatureValue | None]


class FeatureBatch(Struct, frozen=True, kw_only=True, tag_field="schema", tag="feature_batch.v1"):
    """Feature rows of one symbol as packed columns, on ``feat.<set>.<venue>.<symbol>``.

    Attributes:
        source: The source of the ticks.
        names: Feature names, in column and bit order.
        count: Rows.
        ts_recv_ns: Copied from the tick batch that ended it, so that latency can be told. Volatile.
        columns: ``FIXED_COLUMNS`` and then one float64 column a name. Where bit i of ``valid``
            is clear, feature i is still warming up and its value is 0.0.
    """

    set: FeatureSet
    source: Source
    venue: Venue
    symbol: Symbol
    names: Annotated[tuple[FeatureName, ...], Meta(min_length=1, max_length=FEATURES_MAX)]
    count: Annotated[int, Meta(ge=1, le=TICKS_MAX)]
    ts_recv_ns: VolatileNanos
    columns: bytes
