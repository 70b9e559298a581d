"""What the demo plays: which stretch of real trades, beside which synthetic instrument."""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from contracts.scalars import SECOND_NS

CHICAGO = ZoneInfo("America/Chicago")
OPENS = datetime(2013, 9, 3, 10, 20, tzinfo=CHICAGO)
"""A busy stretch: the first half hour after a piece of news that moved the market."""

SEED = 7
SYNTH_TICKS_PER_S = 4.0
REAL, SYNTHETIC = "ES", "SYNTH"


class Scene(Struct, frozen=True, kw_only=True):
    """One playing of the demo.

    Attributes:
        speed: Times real time.
        minutes: Of event time.
    """

    speed: float = 20.0
    minutes: float = 20.0

    @property
    def from_ns(self) -> int:
        return int(OPENS.timestamp()) * SECOND_NS

    @property
    def to_ns(self) -> int:
        return self.from_ns + round(self.minutes * 60 * SECOND_NS)

    @property
    def wall_s(self) -> float:
        """How long the playing lasts."""
        return self.minutes * 60 / self.speed

    def progress(self, ts_event_ns: int) -> float:
        """How much of it has been played, from 0 to 1."""
        share = (ts_event_ns - self.from_ns) / (self.to_ns - self.from_ns)
        return min(max(share, 0.0), 1.0)


def local_time(ts_ns: int) -> str:
    """Event time on the exchange's clock."""
    return datetime.fromtimestamp(ts_ns / 1e9, CHICAGO).strftime("%H:%M:%S")
