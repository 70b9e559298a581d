"""Market events: trades, quotes, bars, and the batches that carry ticks over the bus.

Pure Python on purpose, so that ``risk`` can read a bar or a clock without numpy;
``contracts.columns`` packs and unpacks the columns.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.scalars import Count, Interval, Nanos, Price, Size, Symbol, Venue, VolatileNanos

AGGRESSOR_BUY, AGGRESSOR_SELL, AGGRESSOR_UNKNOWN = 1, -1, 0

TRADE_COLUMNS = (("ts_event_ns", "<i8"), ("price", "<f8"), ("size", "<f8"), ("aggressor", "|i1"))
QUOTE_COLUMNS = (
    ("ts_event_ns", "<i8"),
    ("bid_price", "<f8"),
    ("bid_size", "<f8"),
    ("ask_price", "<f8"),
    ("ask_size", "<f8"),
)
COLUMNS_OF_KIND = {"trade": TRADE_COLUMNS, "quote": QUOTE_COLUMNS}
"""Column names and little-endian types of a ``TickBatch``, in the order they are packed."""

TICKS_MAX = 4_096
"""Rows in one batch at the most: 100 KB, well under the broker's message limit."""

Source = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,47}$(?!\n)")]
"""One feed's sequence space. A feed that starts over takes a new name."""


class Trade(Struct, frozen=True, kw_only=True, tag_field="schema", tag="trade.v1"):
    """One execution seen on the tape; a row of a trade batch.

    Attributes:
        seq: Position in its source and symbol, from 1, without holes.
        price: In price units of the instrument.
        size: In contracts, shares or base units.
        aggressor: Who crossed the spread: 1 the buyer, -1 the seller, 0 not known.
    """

    venue: Venue
    symbol: Symbol
    seq: Count
    ts_event_ns: Nanos
    price: Price
    size: Size
    aggressor: Literal[-1, 0, 1] = 0


class Quote(Struct, frozen=True, kw_only=True, tag_field="schema", tag="quote.v1"):
    """The best bid and ask with their sizes at an instant; a row of a quote batch."""

    venue: Venue
    symbol: Symbol
    seq: Count
    ts_event_ns: Nanos
    bid_price: Price
    bid_size: Size
    ask_price: Price
    ask_size: Size


class TickBatch(Struct, frozen=True, kw_only=True, tag_field="schema", tag="tick_batch.v1"):
    """Ticks of one symbol as packed columns under one header.

    Published on ``md.trade.<venue>.<symbol>`` or ``md.quote.<venue>.<symbol>``. A batch of one
    is legal. Where a batch ends is an accident of timing and never part of a hash.

    Attributes:
        source: The feed's sequence space.
        kind: Which columns: ``COLUMNS_OF_KIND``.
        first_seq: Sequence of the first row; row i has ``first_seq + i``.
        count: Rows. The columns must hold exactly as many (``contracts.columns.unpack`` checks).
        ts_recv_ns: Wall time at which the feed flushed the batch. Volatile.
        columns: The columns one after another, each contiguous and little-endian.
    """

    source: Source
    venue: Venue
    symbol: Symbol
    kind: Literal["trade", "quote"]
    first_seq: Annotated[int, Meta(ge=1, le=2**62)]
    count: Annotated[int, Meta(ge=1, le=TICKS_MAX)]
    ts_recv_ns: VolatileNanos
    columns: bytes


class Clock(Struct, frozen=True, kw_only=True, tag_field="schema", tag="clock.v1"):
    """A feed's event time: everything of this source up to ``ts_event_ns`` has been published.

    Published on ``md.clock`` at least every 100 ms of paced time, also when nothing trades.

    Attributes:
        is_final: The source has ended; no tick of it will follow.
    """

    source: Source
    ts_event_ns: Nanos
    ts_recv_ns: VolatileNanos
    is_final: bool = False


class Bar(Struct, frozen=True, kw_only=True, tag_field="schema", tag="bar.v1"):
    """Open, high, low, close and volume of the trades in one closed interval.

    Covers ``[ts_open_ns, ts_event_ns)``; an interval without trades makes no bar.

    Attributes:
        ts_event_ns: End of the interval: the first instant at which the bar can be known.
        volume: Sum of trade sizes.
        vwap: Volume-weighted average price; the close where the volume is 0.
        trades: Number of trades.
        first_seq, last_seq: The trades it was made of.
    """

    source: Source
    venue: Venue
    symbol: Symbol
    interval: Interval
    ts_open_ns: Nanos
    ts_event_ns: Nanos
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Size
    vwap: Price
    trades: Count
    first_seq: Count
    last_seq: Count
