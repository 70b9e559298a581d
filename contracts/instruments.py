"""Instruments: what can be traded, in which steps, and when."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.scalars import Currency, Symbol, Venue

SessionTime = Annotated[
    str, Meta(pattern=r"^(MON|TUE|WED|THU|FRI|SAT|SUN) ([01][0-9]|2[0-4]):[0-5][0-9]$(?!\n)")
]
"""A weekday and a wall time in the session's time zone, ``SUN 17:00``; ``24:00`` ends a day."""

Step = Annotated[float, Meta(ge=1e-6, le=1e9)]
"""A price or size step. Turned into integer micro-units at the gate, so 1e-6 is the finest."""


class SessionWindow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Trading is open from ``opens`` (inclusive) until ``closes`` (exclusive), every week."""

    opens: SessionTime
    closes: SessionTime


class TradingSession(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The weekly hours of an instrument, in local wall time.

    Attributes:
        name: What people call it, such as ``CME Globex equity``.
        time_zone: IANA name. Daylight saving is resolved where the hours are expanded
            (``streams.calendar``), never in ``risk``.
        windows: At least one. A window may cross midnight and the week's end.
    """

    name: Annotated[str, Meta(max_length=64)]
    time_zone: Annotated[str, Meta(max_length=64)]
    windows: Annotated[tuple[SessionWindow, ...], Meta(min_length=1, max_length=32)]


class Instrument(
    Struct, frozen=True, kw_only=True, tag_field="schema", tag="instrument.v1", forbid_unknown_fields=True
):
    """One tradable thing and the steps in which it moves.

    The notional of one lot is ``price * multiplier * lot_size`` in ``currency``: an E-mini S&P
    500 future at 1,640.00 with multiplier 50 and lot 1 is 82,000 USD.

    Attributes:
        symbol: Unique over all venues.
        venue: Where its market data comes from.
        kind: What it is; ``synthetic`` is made by a generator and is nobody's market.
        currency: Of its price.
        tick_size: Smallest price step, in price units.
        lot_size: Smallest tradable size, in contracts, shares or base units.
        multiplier: Money per price unit and size unit: 50 for the E-mini, 1 for a share.
        session: When it trades.
    """

    symbol: Symbol
    venue: Venue
    kind: Literal["future", "equity", "fx", "crypto", "synthetic"]
    currency: Currency
    tick_size: Step
    lot_size: Step
    multiplier: Step
    session: TradingSession
