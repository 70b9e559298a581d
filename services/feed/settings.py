"""What a feed plays, and how: one set of options for the environment and for the command line."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from contracts.market import TICKS_MAX
from contracts.scalars import SYMBOL_PATTERN
from services.kit.settings import SettingInvalid

PREFIX = "PENSTOCK_FEED_"
UNPACED = "max"
SOURCE_NAME = r"[a-z0-9][a-z0-9._-]{0,39}"


class FeedSettings(Struct, frozen=True, kw_only=True):
    """What a feed plays.

    Attributes:
        sources: Each ``es`` (the packaged dataset), ``synth`` (the generator), or a file.
        speed: Event seconds in one wall second; 0.0 as fast as possible.
        from_time, to_time: ISO 8601, the end exclusive, in ``time_zone`` or the dataset's own
            zone unless they say an offset; or Unix nanoseconds. Empty: all of it.
        columns: Role (``ts price size aggressor id``) to column name of a file.
        time_zone, time_format, venue, symbol: Of a file; see ``DatasetOptions``.
        name: Of the feed's sequence space; empty means that of the sources.
        seed, rate_per_s: Of the generator.
        linger_ms: Wall time that a row waits for its batch at the most.
        rows_max: Rows in a batch at the most.
    """

    sources: tuple[str, ...] = ("es",)
    speed: float = 1.0
    from_time: str = ""
    to_time: str = ""
    columns: Mapping[str, str] = {}
    time_zone: str = ""
    time_format: str = ""
    venue: str = ""
    symbol: str = ""
    name: str = ""
    seed: int = 1
    rate_per_s: float = 10.0
    linger_ms: float = 5.0
    rows_max: int = 64

    def environment(self) -> dict[str, str]:
        """The variables that ``from_environment`` reads back; only what differs from the default."""
        defaults = FeedSettings()
        variables = {
            f"{PREFIX}{option.upper()}": _text(getattr(self, field))
            for option, (field, _, _) in OPTIONS.items()
            if getattr(self, field) != getattr(defaults, field)
        }
        return variables | ({f"{PREFIX}SPEED": UNPACED} if self.speed == 0.0 else {})


def from_environment(environment: Mapping[str, str]) -> FeedSettings:
    """The settings in ``PENSTOCK_FEED_*``. Raises SettingInvalid, also on a name that is none."""
    ours = ((name, value) for name, value in environment.items() if name.startswith(PREFIX))
    options = {name.removeprefix(PREFIX).lower(): value for name, value in ours}
    return from_options(options, lambda option: f"{PREFIX}{option.upper()}")


def from_options(options: Mapping[str, str], label: Callable[[str], str] | None = None) -> FeedSettings:
    """Settings from texts, by the names of ``OPTIONS``; what is missing or empty takes its default.

    Args:
        label: How the person who wrote an option calls it; ``--speed`` unless told.

    Raises:
        SettingInvalid: an option is not known, or its value would not work.
    """
    name_of = label or (lambda option: f"--{option.replace('_', '-')}")
    values: dict[str, Any] = {}  # each parser gives the type of its field
    for option, text in options.items():
        if option not in OPTIONS:
            expected = "one of " + ", ".join(name_of(known) for known in OPTIONS)
            raise SettingInvalid(name_of(option), text, expected)
        if not text:
            continue
        field, parse, expected = OPTIONS[option]
        try:
            values[field] = parse(text)
        except ValueError:
            raise SettingInvalid(name_of(option), text, expected) from None
    return FeedSettings(**values)


def _text(value: object) -> str:
    match value:
        case tuple():
            return ",".join(value)
        case Mapping():
            return ",".join(f"{role}={column}" for role, column in value.items())
        case _:
            return str(value)


def _sources(text: str) -> tuple[str, ...]:
    sources = tuple(part.strip() for part in text.split(","))
    if not all(sources) or len(set(sources)) < len(sources):
        raise ValueError
    return sources


def _speed(text: str) -> float:
    return 0.0 if text == UNPACED else _positive(text.removesuffix("x"))


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < math.inf:
        raise ValueError
    return value


def _milliseconds(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 10_000.0:
        raise ValueError
    return value


def _columns(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(role.strip() and column for role, _, column in pairs):
        raise ValueError
    return {role.strip(): column for role, _, column in pairs}


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return parse


OPTIONS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "source": ("sources", _sources, "es, synth or a .parquet or .csv file; several with commas, each once"),
    "speed": ("speed", _speed, "a number above 0, such as 20 or 1 for real time, or max"),
    "from": ("from_time", str, "an ISO 8601 time or Unix nanoseconds"),
    "to": ("to_time", str, "an ISO 8601 time or Unix nanoseconds"),
    "map": ("columns", _columns, "ts=COLUMN,price=COLUMN,size=COLUMN and, if there, aggressor= and id="),
    "tz": ("time_zone", str, "an IANA time zone, such as America/New_York"),
    "time_format": ("time_format", str, "iso, a unit (s ms us ns) or a strptime pattern"),
    "venue": ("venue", _matching(r"[A-Z][A-Z0-9]{0,11}"), "capital letters and digits, such as XNYS"),
    "symbol": ("symbol", _matching(SYMBOL_PATTERN), "a symbol such as AAPL, BRK.B or BTC/USDT"),
    "name": ("name", _matching(SOURCE_NAME), "lower-case letters, digits, . _ or -, at most 40"),
    "seed": ("seed", _whole(0, 2**63 - 1), "a whole number from 0"),
    "rate": ("rate_per_s", _positive, "trades a second, above 0"),
    "linger_ms": ("linger_ms", _milliseconds, "milliseconds from 0 to 10000"),
    "batch": ("rows_max", _whole(1, TICKS_MAX), f"a whole number from 1 to {TICKS_MAX}"),
}
"""Option to field, parser and what would work; ``from_options`` and the command line share it."""
