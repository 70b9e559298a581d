"""Where an ordered reader stands: which deliveries it takes, and what it has missed. Pure."""

from collections import deque
from collections.abc import Sequence

from streams.bus.messages import Message, StreamState

LOOK_BACK = 512
"""Messages that a new consumer is given again, to see that the stream still holds what was read."""


class Cursor:
    """The next needed position in one stream.

    An ephemeral consumer numbers what it delivers without holes, so a hole in that number is a
    lost delivery: the consumer is made again. A hole in the stream's own sequence is something
    that the stream has discarded, or that the filter leaves out.

    Attributes:
        next_seq: The first stream sequence that was not handed out yet.
        is_broken: A delivery was lost; nothing is taken until ``attach``.
    """

    def __init__(self, start_seq: int, *, is_filtered: bool) -> None:
        if start_seq < 1:
            raise ValueError(f"start_seq is {start_seq}, expected 1 or more: streams count from 1")
        self.next_seq = start_seq
        self.is_broken = False
        self._is_filtered = is_filtered
        self._consumer_seq = 0
        self._trail: deque[tuple[int, int]] = deque(maxlen=LOOK_BACK)

    @property
    def look_back_seq(self) -> int:
        """Where a new consumer begins: behind what was read lies nothing, or the last messages again."""
        return min(self._trail[0][0], self.next_seq) if self._trail else self.next_seq

    def attach(self, state: StreamState) -> int:
        """Begin with a new consumer on a stream in this state.

        Returns how many positions cannot be had any more. A stream that ends before what was read
        has lost its tail in a crash: reading goes on at its new end, or what comes there next
        would be skipped.
        """
        self.is_broken = False
        self._consumer_seq = 0
        missing = self.discarded(state)
        if state.last_seq < self.next_seq - 1:
            missing += self.next_seq - 1 - state.last_seq
            self._rewind(state.last_seq + 1)
        return missing

    def discarded(self, state: StreamState) -> int:
        """Positions before the stream's beginning that were not read; steps over them."""
        missing = max(0, state.first_seq - self.next_seq)
        self.next_seq += missing
        return missing

    def admit(self, messages: Sequence[Message]) -> tuple[list[Message], int]:
        """The messages that follow without a lost delivery, and how many positions were discarded."""
        kept: list[Message] = []
        missing = 0
        for message in messages:
            if self.is_broken or message.consumer_seq != self._consumer_seq + 1:
                self.is_broken = True
                break
            self._consumer_seq += 1
            if message.stream_seq < self.next_seq:
                if not self._is_another(message):
                    continue
                missing += self.next_seq - message.stream_seq
                self._rewind(message.stream_seq)
            if not self._is_filtered:
                missing += message.stream_seq - self.next_seq
            self.next_seq = message.stream_seq + 1
            self._trail.append((message.stream_seq, message.ts_store_ns))
            kept.append(message)
        return kept, missing

    def _is_another(self, message: Message) -> bool:
        # A crash may lose a stream's tail, and its sequences are given out again before we look.
        stored_ns = dict(self._trail).get(message.stream_seq, message.ts_store_ns)
        return stored_ns != message.ts_store_ns

    def _rewind(self, next_seq: int) -> None:
        self.next_seq = next_seq
        kept = [place for place in self._trail if place[0] < next_seq]
        self._trail = deque(kept, maxlen=LOOK_BACK)
