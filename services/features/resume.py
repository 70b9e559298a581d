"""Resuming: which recomputed rows and bars are new, so that each is published once.

After a restart everything is made again from the run's first tick, in the same order on each subject.
What a subject held at the start is told by its last message alone: all up to that row was published,
nothing after it.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from msgspec.structs import replace

from contracts import codec
from contracts.columns import ColumnsInvalid, feature_columns, feature_layout, pack
from contracts.features import FeatureBatch
from contracts.market import Bar
from streams.bus import Bus, Message
from streams.bus.specs import BARS, FEATURES

Messages = Callable[[str, str], AsyncIterator[Message]]
"""The messages of a stream on a subject, the newest first; the first of them nearly always serves."""


class Position(NamedTuple):
    """A row of a subject: its source, and its sequence or, for a bar, its start."""

    source: str
    at: int


class Resume:
    """Lets through what a subject does not hold yet.

    Asks for a subject's last message once, when it first matters.
    """

    def __init__(self, newest_first: Messages) -> None:
        self._newest_first = newest_first
        self._held: dict[str, Position | None] = {}
        self._is_over = False

    def end(self) -> None:
        """From here on everything is new: its input came after the start."""
        self._is_over = True

    async def new_rows(self, subject: str, batch: FeatureBatch) -> FeatureBatch | None:
        """The rows of ``batch`` behind the subject's last one, None where there are none."""
        held = await self._position(subject, FEATURES, _last_row)
        if held is None:
            return batch
        if batch.source != held.source:
            return None
        columns = feature_columns(batch)
        seqs = columns["seq"]
        if int(seqs[-1]) >= held.at:
            self._held[subject] = None
        start = int(seqs.searchsorted(held.at, side="right"))
        if start == batch.count:
            return None
        rest = {name: column[start:] for name, column in columns.items()}
        return replace(batch, count=batch.count - start, columns=pack(feature_layout(batch.names), rest))

    async def is_new_bar(self, subject: str, bar: Bar) -> bool:
        """Whether ``bar`` comes behind the subject's last one."""
        held = await self._position(subject, BARS, _bar_start)
        if held is None:
            return True
        if bar.source != held.source:
            return False
        if bar.ts_open_ns >= held.at:
            self._held[subject] = None
        return bar.ts_open_ns > held.at

    async def _position(
        self, subject: str, stream: str, position: Callable[[bytes], Position]
    ) -> Position | None:
        """Where the subject stood at the start; None once that was passed."""
        if self._is_over:
            return None
        if subject not in self._held:
            self._held[subject] = None
            async for message in self._newest_first(stream, subject):
                with contextlib.suppress(
                    codec.Undecodable, ColumnsInvalid
                ):  # not of our making: look behind it
                    self._held[subject] = position(message.payload)
                    break
        return self._held[subject]


def _last_row(payload: bytes) -> Position:
    batch = codec.decode(FeatureBatch, payload)
    return Position(batch.source, int(feature_columns(batch)["seq"][-1]))


def _bar_start(payload: bytes) -> Position:
    bar = codec.decode(Bar, payload)
    return Position(bar.source, bar.ts_open_ns)


async def newest_first(bus: Bus, stream: str, subject: str) -> AsyncIterator[Message]:
    """The last message on the subject, and then, where that did not serve, those before it."""
    last = await bus.last_message(stream, subject)
    if last is None:
        return
    yield last
    before: list[Message] = []
    async for batch in bus.read(stream, subjects=[subject], stop_after=last.stream_seq - 1):
        before += batch
    for message in reversed(before):
        yield message
