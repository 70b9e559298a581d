"""Pacing: when, in wall time, each batch and each clock of a playback is due. No clock in here."""

import heapq
from collections.abc import Iterator, Sequence

from msgspec import Struct

from contracts.scalars import MILLISECOND_NS, SECOND_NS
from streams.sources.batching import Batch

CLOCK_WALL_NS = 100 * MILLISECOND_NS
"""Paced wall time between two clocks (rule R4)."""

UNPACED_CLOCK_NS = SECOND_NS
UNPACED_LINGER_NS = 100 * MILLISECOND_NS
"""As fast as possible there is no wall time to measure in: event time takes its place, so that
symbols stay in step to within a tenth of a second."""


class Pacer(Struct, frozen=True, kw_only=True):
    """A playback's clock: event time to wall time and back.

    Attributes:
        start_ns: Event time at which the playback begins.
        speed: Event seconds in one wall second; 1.0 is real time, 0.0 as fast as possible.
    """

    start_ns: int
    speed: float

    @property
    def is_paced(self) -> bool:
        return self.speed > 0.0

    def offset_ns(self, event_ns: int) -> int:
        """Wall nanoseconds after the start at which ``event_ns`` is reached; never negative."""
        if not self.is_paced:
            return 0
        return max(0, round((event_ns - self.start_ns) / self.speed))

    def linger_ns(self, wall_ns: int) -> int:
        """The event time that a linger of ``wall_ns`` covers."""
        return round(wall_ns * self.speed) if self.is_paced else UNPACED_LINGER_NS

    @property
    def clock_step_ns(self) -> int:
        """Event time between two clocks."""
        return max(1, round(CLOCK_WALL_NS * self.speed)) if self.is_paced else UNPACED_CLOCK_NS


class ClockDue(Struct, frozen=True, kw_only=True):
    """A clock to publish: everything up to ``ts_event_ns`` has been published by then.

    Attributes:
        due_ns: Event time at which it is due. It tells a time that lies one linger before,
            because rows may still be waiting for their batch.
    """

    due_ns: int
    ts_event_ns: int
    is_final: bool = False


def schedule(
    lanes: Sequence[Iterator[Batch]],
    pacer: Pacer,
    *,
    linger_ns: int,
    end_ns: int | None = None,
    endless: Sequence[bool] = (),
) -> Iterator[Batch | ClockDue]:
    """Batches of several symbols and the clocks between them, in order of their due time.

    Args:
        lanes: The batches of each symbol, in order of due time, all made with ``linger_ns``.
        end_ns: Event time until which clocks go on, also when nothing trades; None ends with
            the last batch.
        endless: Which lanes would go on for ever: the playback ends when all others have ended.

    Yields, last, the final clock. As fast as possible, clocks stand only before a batch that
    lies a step or more after the last clock: nobody waits through a silent night.
    """
    flags = list(endless) or [False] * len(lanes)
    step_ns = pacer.clock_step_ns
    next_clock_ns = pacer.start_ns + step_ns
    told_ns = pacer.start_ns - 1
    last_ns = due_ns = pacer.start_ns
    for batch in _merged(lanes, flags):
        while next_clock_ns < batch.due_ns:
            if not pacer.is_paced:
                next_clock_ns += (batch.due_ns - 1 - next_clock_ns) // step_ns * step_ns
            told_ns = max(told_ns, next_clock_ns - linger_ns)
            yield ClockDue(due_ns=next_clock_ns, ts_event_ns=told_ns)
            next_clock_ns += step_ns
        last_ns, due_ns = max(last_ns, batch.last_ts_ns), batch.due_ns
        yield batch
    final_ns = last_ns if end_ns is None else max(end_ns, last_ns)
    while pacer.is_paced and next_clock_ns < final_ns:
        told_ns = max(told_ns, next_clock_ns - linger_ns)
        yield ClockDue(due_ns=next_clock_ns, ts_event_ns=told_ns)
        next_clock_ns += step_ns
    yield ClockDue(due_ns=max(final_ns, due_ns), ts_event_ns=final_ns, is_final=True)


def _merged(lanes: Sequence[Iterator[Batch]], endless: Sequence[bool]) -> Iterator[Batch]:
    """By due time, earlier lanes first on a tie, until every lane that can end has ended."""
    heap: list[tuple[int, int, Batch]] = []
    for index, lane in enumerate(lanes):
        _push(heap, index, lane)
    finite = sum(not endless[index] for index in range(len(lanes)))
    open_finite = {entry[1] for entry in heap if not endless[entry[1]]}
    while heap and (open_finite or not finite):
        _, index, batch = heapq.heappop(heap)
        yield batch
        if not _push(heap, index, lanes[index]):
            open_finite.discard(index)


def _push(heap: list[tuple[int, int, Batch]], index: int, lane: Iterator[Batch]) -> bool:
    batch = next(lane, None)
    if batch is None:
        return False
    heapq.heappush(heap, (batch.due_ns, index, batch))
    return True
