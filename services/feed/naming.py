"""The feed's source name: a sequence space that no feed of this run has used before."""

import re

from contracts import codec, subjects
from contracts.market import Clock
from streams.bus import Bus, Conflict

MARKET = "MARKET"
BASE_MAX = 40
CLAIMS_MAX = 10

_COUNT = re.compile(r"-(\d+)$")


class NameNotClaimed(RuntimeError):
    """Other feeds kept starting at the same moment.

    Attributes:
        base: The name that was asked for.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        super().__init__(f"no source name for {base!r} after {CLAIMS_MAX} claims; start one feed at a time")


def base_name(names: tuple[str, ...]) -> str:
    """A name from the sources: lower case, and without a count at its end.

    The run is left out, so that the same data make the same rows, and the same hashes, in every run.
    """
    text = re.sub(r"[^a-z0-9._-]", "-", "-".join(names).lower())
    return _COUNT.sub(r".\1", text[-BASE_MAX:].lstrip("._-") or "feed")


def next_name(base: str, last: str | None) -> str:
    """The name after ``last``, the newest that this run has seen; None where it has seen none.

    The count goes on whatever the base: a later name never equals an earlier one.
    """
    if last is None:
        return base
    found = _COUNT.search(last)
    return f"{base}-{int(found[1]) + 1 if found else 2}"


async def market_time_ns(bus: Bus) -> int:
    """The event time at which the run's market stands, as the last clock tells it; 0 before the first."""
    last = await bus.last_message(MARKET, subjects.CLOCK)
    return 0 if last is None else codec.decode(Clock, last.payload).ts_event_ns


async def claim(bus: Bus, base: str, start_ns: int, now_ns: int, nonce: str) -> str:
    """Take the next free name by publishing its first clock, fenced against another feed's.

    Args:
        start_ns: Event time at which the feed begins; its first clock tells the instant before.
        now_ns: Wall time.
        nonce: Nobody else's: tells our own first clock, sent twice, from a rival's.

    Raises:
        NameNotClaimed, BusError
    """
    for _ in range(CLAIMS_MAX):
        last = await bus.last_message(MARKET, subjects.CLOCK)
        name = next_name(base, None if last is None else codec.decode(Clock, last.payload).source)
        clock = Clock(source=name, ts_event_ns=max(0, start_ns - 1), ts_recv_ns=now_ns)
        try:
            await bus.publish_acked(
                subjects.CLOCK,
                codec.encode(clock),
                msg_id=f"claim.{name}.{nonce}",
                stream=MARKET,
                expected_last_subject_seq=0 if last is None else last.stream_seq,
            )
        except Conflict:
            continue
        return name
    raise NameNotClaimed(base)
