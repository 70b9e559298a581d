"""The picture of a playing: counts and states as they are heard. Synchronous and clock-free."""

from collections import Counter, deque

from msgspec import Struct

from contracts import subjects
from contracts.codec import Undecodable, decode
from contracts.columns import feature_columns
from contracts.features import FeatureBatch
from contracts.market import Clock, TickBatch
from contracts.states import BreakerChanged
from contracts.verdicts import Outcome, Verdict

LATENCIES_MAX = 50_000
RATE_OVER_S = 3.0
NEWS_MAX = 6

HEARD = (
    subjects.ALL_TRADES,
    subjects.CLOCK,
    subjects.ALL_FEATURES,
    subjects.ALL_INTENTS,
    subjects.ALL_VERDICTS,
    subjects.ALL_BREAKERS,
)


class Rate:
    """A count and its speed over the last seconds."""

    def __init__(self) -> None:
        self.total = 0
        self._marks: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        self.total += count

    def per_s(self, now_s: float) -> float:
        """Speed since about ``RATE_OVER_S`` ago. Call it with growing times."""
        self._marks.append((now_s, self.total))
        while len(self._marks) > 2 and now_s - self._marks[1][0] >= RATE_OVER_S:
            self._marks.popleft()
        from_s, before = self._marks[0]
        elapsed_s = now_s - from_s
        return (self.total - before) / elapsed_s if elapsed_s > 0 else 0.0


class Picture:
    """What a viewer has heard so far.

    Attributes:
        latencies_ms: From the feed's flush of the newest row an intent rests on to its verdict's
            arrival here, in wall time.
        news: What a person should be told once; whoever tells it takes it out.
    """

    def __init__(self) -> None:
        self.ticks, self.features = Rate(), Rate()
        self.intents = 0
        self.verdicts: Counter[str] = Counter()
        self.approved_lots = 0
        self.breakers: dict[tuple[str, str], str] = {}
        self.trips = 0
        self.ts_event_ns = 0
        self.latencies_ms: deque[float] = deque(maxlen=LATENCIES_MAX)
        self.news: deque[str] = deque(maxlen=NEWS_MAX)
        self.undecodable = 0
        self._last_seq: dict[tuple[type[Struct], str, str], int] = {}

    def take(self, subject: str, payload: bytes, now_ns: int) -> None:
        """Take in one message heard at wall time ``now_ns``. Foreign bytes are counted."""
        try:
            self._take(subject.split("."), payload, now_ns)
        except Undecodable:
            self.undecodable += 1

    @property
    def decided(self) -> int:
        """Verdicts so far."""
        return sum(self.verdicts.values())

    @property
    def movement(self) -> tuple[int, int, int, int]:
        """What stands still once everything has passed."""
        return self.ticks.total, self.features.total, self.intents, self.decided

    def latency_ms(self, share: float) -> float:
        """A quantile of the latency; 0 while nothing was measured."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0

    def _take(self, tokens: list[str], payload: bytes, now_ns: int) -> None:
        match tokens:
            case ["md", "clock"]:
                self.ts_event_ns = max(self.ts_event_ns, decode(Clock, payload).ts_event_ns)
            case ["md", *_]:
                ticks = decode(TickBatch, payload)
                self.ticks.add(self._new_rows(ticks, ticks.first_seq + ticks.count - 1))
            case ["feat", *_]:
                rows = decode(FeatureBatch, payload)
                self.features.add(self._new_rows(rows, int(feature_columns(rows)["seq"][-1])))
            case ["intent", *_]:
                self.intents += 1
            case ["risk", "verdict", *_]:
                self._take_verdict(decode(Verdict, payload), now_ns)
            case ["risk", "breaker", *_]:
                self._take_breaker(decode(BreakerChanged, payload))
            case _:
                pass

    def _new_rows(self, batch: TickBatch | FeatureBatch, last_seq: int) -> int:
        """Rows of the batch, or 0 where it was heard before: a publisher may say a thing twice."""
        key = (type(batch), batch.source, batch.symbol)
        if last_seq <= self._last_seq.get(key, 0):
            return 0
        self._last_seq[key] = last_seq
        return batch.count

    def _take_verdict(self, verdict: Verdict, now_ns: int) -> None:
        self.verdicts[str(verdict.code or Outcome.APPROVED)] += 1
        self.approved_lots += abs(verdict.lots)
        if 0 < verdict.basis_recv_ns <= now_ns:
            self.latencies_ms.append((now_ns - verdict.basis_recv_ns) / 1e6)

    def _take_breaker(self, change: BreakerChanged) -> None:
        self.breakers[change.name, change.key] = str(change.state)
        self.trips += change.state == "OPEN"
        self.news.append(f"breaker {change.name} of {change.key}: {change.previous} -> {change.state}")
