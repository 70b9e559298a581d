"""News items: foreign text with a time and the symbols it is about."""

from typing import Annotated

from msgspec import Meta, Struct

from contracts.market import Source
from contracts.scalars import Nanos, Symbol, Text, VolatileNanos


class NewsItem(Struct, frozen=True, kw_only=True, tag_field="schema", tag="news_item.v1"):
    """One headline as its source published it, on ``news.item.<source>``.

    Everything in it is foreign text: it can be shown and scored, and can never name a subject,
    a tool, a template or a file.

    Attributes:
        item_id: The source's own identifier; with ``source`` it names the item for ever.
        ts_event_ns: When the source says it was published.
    """

    item_id: Annotated[str, Meta(min_length=1, max_length=128)]
    source: Source
    ts_event_ns: Nanos
    ts_recv_ns: VolatileNanos
    headline: Annotated[str, Meta(min_length=1, max_length=1_000)]
    body: Text = ""
    symbols: Annotated[tuple[Symbol, ...], Meta(max_length=64)] = ()
