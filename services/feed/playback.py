"""A playback: the sources of a feed, guarded, batched, and in the order in which they are due."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from contracts import subjects
from contracts.operations import PAYLOAD_MAX, DeadCause, DeadLetter
from contracts.scalars import INT64_MAX, MILLISECOND_NS
from services.feed.settings import FeedSettings
from services.kit.settings import SettingInvalid
from streams.quality.guard import Guard, Problem
from streams.sources import Dataset, DatasetOptions, Synthetic, SyntheticOptions, Ticks, packaged_es
from streams.sources.batching import Batch, batched
from streams.sources.local_time import instant_ns, zone
from streams.sources.pacing import ClockDue, Pacer, schedule

SYNTH_START = "2024-01-02T00:00:00"
"""UTC. Where the generator begins when nothing else says when."""

LETTER_ROWS_MAX = 20


class Playback(Struct, frozen=True):
    """What a feed is about to play.

    Attributes:
        names: Of its sources, in order.
        items: Batches and clocks in order of their due time; can be taken once.
        letters: Dead letters for what the guard took out; filled while ``items`` is taken.
        guards: One a source; their counts grow while ``items`` is taken.
    """

    names: tuple[str, ...]
    pacer: Pacer
    items: Iterator[Batch | ClockDue]
    letters: deque[DeadLetter]
    guards: tuple[Guard, ...]


def prepare(settings: FeedSettings) -> Playback:
    """Open the sources and plan the playback.

    Raises:
        SettingInvalid: two sources have the same symbol, or a time cannot be read.
        SourceInvalid: a file cannot be used.
    """
    local = _zone(settings)
    from_ns = _instant("--from", settings.from_time, local)
    to_ns = _instant("--to", settings.to_time, local)
    if from_ns is not None and to_ns is not None and from_ns >= to_ns:
        raise SettingInvalid("--to", settings.to_time, f"a time after {settings.from_time}")
    files = [name for name in settings.sources if name != "synth"]
    datasets = {name: _dataset(name, settings, from_ns, to_ns) for name in files}
    first_ns = _first_ns(list(datasets.values()))
    if datasets and first_ns is None:
        expected = f"a time range in which {', '.join(datasets)} has trades"
        raise SettingInvalid("--from", settings.from_time or "not given", expected)
    start_ns = next(ns for ns in (from_ns, first_ns, instant_ns(SYNTH_START, "UTC")) if ns is not None)
    generator = Synthetic(
        SyntheticOptions(seed=settings.seed, start_ns=start_ns, to_ns=to_ns, rate_per_s=settings.rate_per_s)
    )
    sources = [datasets.get(name, generator) for name in settings.sources]
    _refuse_same_symbol(sources)
    pacer = Pacer(start_ns=start_ns, speed=settings.speed)
    linger_ns = pacer.linger_ns(round(settings.linger_ms * MILLISECOND_NS))
    letters: deque[DeadLetter] = deque()
    guards = tuple(Guard() for _ in sources)
    lanes = [
        batched(guarded(source.batches(), guard, letters), rows_max=settings.rows_max, linger_ns=linger_ns)
        for source, guard in zip(sources, guards, strict=True)
    ]
    endless = [source.is_endless for source in sources]
    items = schedule(lanes, pacer, linger_ns=linger_ns, end_ns=to_ns, endless=endless)
    return Playback(tuple(source.name for source in sources), pacer, items, letters, guards)


def guarded(ticks: Iterator[Ticks], guard: Guard, letters: deque[DeadLetter]) -> Iterator[Ticks]:
    """The rows that the guard passes on; of the others one letter a stretch and cause."""
    for stretch in ticks:
        checked = guard.check(stretch.symbol, stretch.columns, row_ids=stretch.ids)
        by_cause: dict[DeadCause, list[Problem]] = {}
        for problem in checked.problems:
            by_cause.setdefault(problem.cause, []).append(problem)
        letters.extend(_letter(stretch, cause, problems) for cause, problems in by_cause.items())
        passed = Ticks(venue=stretch.venue, symbol=stretch.symbol, columns=checked.columns)
        if passed.count:
            yield passed


def _letter(stretch: Ticks, cause: DeadCause, problems: list[Problem]) -> DeadLetter:
    shown = [{"index": problem.index, **problem.row._asdict()} for problem in problems[:LETTER_ROWS_MAX]]
    payload = msgspec.json.encode(shown)
    first = problems[0]
    return DeadLetter(
        origin="feed",
        cause=cause,
        detail=f"{stretch.symbol} row {first.index}: {first.detail}"[:1_000],
        subject=subjects.trade(stretch.venue, stretch.symbol),
        stream="",
        stream_seq=0,
        count=len(problems),
        ts_event_ns=min(max(first.row.ts_event_ns, 0), INT64_MAX),
        payload=payload[:PAYLOAD_MAX],
        payload_bytes=len(payload),
    )


def _dataset(name: str, settings: FeedSettings, from_ns: int | None, to_ns: int | None) -> Dataset:
    if name == "es":
        return packaged_es(from_ns, to_ns)
    return Dataset(
        Path(name).expanduser(),
        DatasetOptions(
            columns=settings.columns,
            time_format=settings.time_format,
            time_zone=settings.time_zone,
            venue=settings.venue,
            symbol=settings.symbol,
            from_ns=from_ns,
            to_ns=to_ns,
        ),
    )


def _zone(settings: FeedSettings) -> str:
    """The zone in which a person names times: as said, else that of the first dataset, else UTC."""
    if settings.time_zone:
        try:
            zone(settings.time_zone)
        except ValueError:
            expected = "an IANA time zone, such as America/New_York or UTC"
            raise SettingInvalid("--tz", settings.time_zone, expected) from None
        return settings.time_zone
    for name in settings.sources:
        if name != "synth":
            return _dataset(name, settings, None, None).time_zone or "UTC"
    return "UTC"


def _first_ns(datasets: list[Dataset]) -> int | None:
    """The earliest first row of the datasets; None where they have none."""
    heads = [next(dataset.batches(), None) for dataset in datasets]
    return min((int(head.times_ns[0]) for head in heads if head is not None), default=None)


def _instant(label: str, text: str, local: str) -> int | None:
    if not text:
        return None
    try:
        return int(text) if text.isdecimal() else instant_ns(text, local)
    except ValueError as error:
        expected = f"an ISO 8601 time in {local} or with an offset, or Unix nanoseconds ({error})"
        raise SettingInvalid(label, text, expected) from None


def _refuse_same_symbol(sources: list[Dataset | Synthetic]) -> None:
    symbols = [source.symbol for source in sources]
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            expected = "sources of different symbols: one sequence a symbol"
            raise SettingInvalid("--source", f"{symbol} twice", expected)
