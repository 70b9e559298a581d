r"""Constrained scalars: one name, one bound, used by every message.

msgspec checks a bound when it decodes, never when Python constructs, so every reader decodes
strictly and ``codec.encode`` can be told to decode its own bytes. A bound on a float also
refuses NaN and infinity: ``nan >= 0`` is false. A pattern ends in ``$(?!\\n)``: Python's ``$`` alone
also matches before a last newline, which would make a second spelling of every identity.
"""

from typing import Annotated, Any

from msgspec import Meta

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000

MICRO = 1_000_000
"""Micro-units in one unit: the gate's integer money, price and size scale."""

INT64_MAX = 2**63 - 1

SYMBOL_PATTERN = r"^[A-Z0-9]{1,16}([./=_-][A-Z0-9]{1,12}){0,2}$(?!\n)"

Symbol = Annotated[str, Meta(pattern=SYMBOL_PATTERN, max_length=32)]
"""An instrument's name, unique over all venues: ``ES``, ``BRK.B``, ``BTC/USDT``, ``ES=F``."""

Venue = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9]{0,11}$(?!\n)")]
StrategyId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]
Principal = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]
"""One credential on the broker: a service or an operator."""

FeatureSet = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]
Interval = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}[smh]$(?!\n)")]
"""A bar's length: ``1s``, ``1m``, ``4h``."""

Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3,5}$(?!\n)")]
Nanos = Annotated[int, Meta(ge=0, le=INT64_MAX)]
"""Unix nanoseconds, UTC."""

Count = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Int64 = Annotated[int, Meta(ge=-INT64_MAX, le=INT64_MAX)]
Price = Annotated[float, Meta(gt=0.0, le=1e9)]
Size = Annotated[float, Meta(ge=0.0, le=1e12)]
Notional = Annotated[float, Meta(ge=0.0, le=1e12)]
"""An absolute amount of money in the account currency."""

Bps = Annotated[int, Meta(ge=0, le=10_000)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{32,128}$(?!\n)")]
"""Lower-case hexadecimal of a hash."""

OptionalDigest = Annotated[str, Meta(pattern=r"^([0-9a-f]{32,128})?$(?!\n)")]
ShortText = Annotated[str, Meta(max_length=250)]
Text = Annotated[str, Meta(max_length=4_000)]

VOLATILE: dict[str, Any] = {"volatile": True}
"""Marks a field that two honest runs may disagree on; ``hashview`` leaves it out (rule R1)."""

VolatileNanos = Annotated[int, Meta(ge=0, le=INT64_MAX, extra=VOLATILE)]
VolatileCount = Annotated[int, Meta(ge=0, le=INT64_MAX, extra=VOLATILE)]
