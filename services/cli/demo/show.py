"""The demo's screen: a live picture on a terminal, plain lines anywhere else.

Colour only repeats what words say; ``NO_COLOR`` is respected by rich.
"""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from contracts.verdicts import Outcome
from services.cli.demo.picture import Picture
from services.cli.demo.scene import Scene, local_time

PLAIN_EVERY_S = 5.0
REFRESH_PER_S = 4


class Show(Protocol):
    """Where the demo is shown. ``draw`` may be called often; a line is said once."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def say(self, line: str) -> None: ...
    def draw(self, picture: Picture) -> None: ...


def show_for(console: Console, scene: Scene) -> Show:
    """A live picture where the console is a terminal, lines elsewhere."""
    return LivePicture(console, scene) if console.is_terminal else Lines(console, scene)


class Lines:
    """A line of figures every few seconds: for logs and CI."""

    def __init__(self, console: Console, scene: Scene) -> None:
        self._console, self._scene = console, scene
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def say(self, line: str) -> None:
        # Not wrapped: a log keeps a line a line.
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def draw(self, picture: Picture) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + PLAIN_EVERY_S
        self.say(line_of(picture, self._scene, now_s))


class LivePicture:
    """One table that is drawn again and again, under the lines that were said."""

    def __init__(self, console: Console, scene: Scene) -> None:
        self._console, self._scene = console, scene
        self._live = Live(console=console, refresh_per_second=REFRESH_PER_S, auto_refresh=False)
        self._next_s = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def draw(self, picture: Picture) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + 1 / REFRESH_PER_S
            self._live.update(table_of(picture, self._scene, now_s), refresh=True)


def line_of(picture: Picture, scene: Scene, now_s: float) -> str:
    """The picture on one line."""
    breakers = ", ".join(f"{name} {key} {state}" for (name, key), state in picture.breakers.items())
    return (
        f"{_clock(picture)} {scene.progress(picture.ts_event_ns):4.0%}  "
        f"ticks {picture.ticks.total:,} ({picture.ticks.per_s(now_s):,.0f}/s)  "
        f"features {picture.features.total:,} ({picture.features.per_s(now_s):,.0f}/s)  "
        f"intents {picture.intents:,}  verdicts {_verdicts(picture)}  "
        f"breakers {breakers or 'none moved'}  "
        f"latency p50 {picture.latency_ms(0.5):.1f} ms p99 {picture.latency_ms(0.99):.1f} ms"
    )


def table_of(picture: Picture, scene: Scene, now_s: float) -> Group:
    """The picture as a table with a bar of progress."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    table.add_row("ticks", f"{picture.ticks.total:,}", f"{picture.ticks.per_s(now_s):,.0f} /s")
    table.add_row("features", f"{picture.features.total:,}", f"{picture.features.per_s(now_s):,.0f} /s")
    table.add_row("intents", f"{picture.intents:,}", "")
    approved = str(Outcome.APPROVED)
    table.add_row(
        "approved", f"{picture.verdicts[approved]:,}", Text(f"{picture.approved_lots:,} lots", style="green")
    )
    for code, count in picture.verdicts.most_common():
        if code != approved:
            table.add_row("denied", f"{count:,}", Text(code, style="yellow"))
    for (name, key), state in picture.breakers.items():
        table.add_row(
            "breaker", state, Text(f"{name} of {key}", style="green" if state == "CLOSED" else "red")
        )
    table.add_row(
        "latency",
        f"{picture.latency_ms(0.5):.1f} ms",
        f"p50; p99 {picture.latency_ms(0.99):.1f} ms, tick to verdict",
    )
    done = scene.progress(picture.ts_event_ns)
    head = Text(f"\n{_clock(picture)} Chicago, {scene.speed:g}x, {done:.0%}")
    # Padded only because a bare bar does not end its line.
    return Group(head, Padding(ProgressBar(total=1.0, completed=done, width=48), 0), table)


def _clock(picture: Picture) -> str:
    return local_time(picture.ts_event_ns) if picture.ts_event_ns else "--:--:--"


def _verdicts(picture: Picture) -> str:
    return " ".join(f"{code} {count:,}" for code, count in picture.verdicts.most_common()) or "none yet"
