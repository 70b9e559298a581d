"""What the gate sees of the market: the newest row a symbol, gate time, and sessions.

Synchronous and clock-free: wall time comes in as an argument. Changes are handed out by value
and forgotten only once they are journaled, so that a failed write loses none.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from contracts.columns import Columns, tick_columns
from contracts.gate import MarkChange, SessionChange
from contracts.instruments import Instrument
from contracts.market import Clock, TickBatch
from contracts.scalars import INT64_MAX, SECOND_NS
from risk.gate.amounts import to_micro
from streams.calendar import session_around

SILENT_NS = 1_000_000_000
"""Wall time without any market message after which gate time follows the wall (rule R4)."""

PRICE_MIN, PRICE_MAX = 1e-6, 1e9
TS_MIN_NS, TS_MAX_NS = 315_532_800 * SECOND_NS, 7_258_118_400 * SECOND_NS
"""1980 and 2200: seconds taken for milliseconds, or the other way round, fall outside."""


class Changes(NamedTuple):
    """What a record takes along."""

    gate_ts_ns: int
    marks: tuple[MarkChange, ...]
    sessions: tuple[SessionChange, ...]


class MarketView:
    """Marks, sessions and event time between two records of the gate."""

    def __init__(self, gate_ts_ns: int = 0, marks: Iterable[MarkChange] = ()) -> None:
        self._ts_event_ns = gate_ts_ns
        self._newest = {mark.symbol: mark for mark in marks}
        self._heard_wall_ns: int | None = None
        self._quiet_ns = 0
        self._marks: dict[str, MarkChange] = {}
        self._instruments: dict[str, Instrument] = {}
        self._sessions: dict[str, SessionChange] = {}

    @property
    def ts_event_ns(self) -> int:
        """The largest event time seen."""
        return self._ts_event_ns

    def use(self, instruments: Iterable[Instrument]) -> None:
        """Follow the sessions of these instruments from now on."""
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._sessions.clear()

    def take_batch(self, batch: TickBatch, wall_ns: int) -> None:
        """The batch's last row becomes the mark of its symbol, unless a newer row was seen already.

        So a market that is read again from its start, after a restart, brings no old mark back.

        Raises ColumnsInvalid, or ValueError where that row is no price: then nothing changes.
        """
        columns = tick_columns(batch)
        price_micro = _price_micro(batch.kind, columns)
        ts_event_ns = _sane(int(columns["ts_event_ns"][-1]))
        seq = batch.first_seq + batch.count - 1
        mark = MarkChange(batch.symbol, price_micro, ts_event_ns, batch.source, seq)
        newest = self._newest.get(batch.symbol)
        if newest is None or _is_after(mark, newest):
            self._marks[batch.symbol] = self._newest[batch.symbol] = mark
        self._advance(ts_event_ns, wall_ns)

    def take_clock(self, clock: Clock, wall_ns: int) -> None:
        """Event time as the feed tells it. Raises ValueError where that is no time of a market."""
        self._advance(_sane(clock.ts_event_ns), wall_ns)

    @property
    def quiet_ns(self) -> int:
        """Gate time that passed in silence, since the last market message."""
        return self._quiet_ns

    def silent_ns(self, wall_ns: int) -> int:
        """Wall time since the last market message; 0 before the first."""
        return 0 if self._heard_wall_ns is None else max(0, wall_ns - self._heard_wall_ns)

    def changes(self, wall_ns: int) -> Changes:
        """What changed since the last ``journaled``, and the gate time that goes with it."""
        silent_ns = self.silent_ns(wall_ns)
        gate_ts_ns = min(self._ts_event_ns + (silent_ns if silent_ns > SILENT_NS else 0), INT64_MAX)
        return Changes(gate_ts_ns, tuple(self._marks.values()), tuple(self._session_changes(gate_ts_ns)))

    def journaled(self, changes: Changes) -> None:
        """These changes are safe; hand them out no more."""
        for mark in changes.marks:
            if self._marks.get(mark.symbol) == mark:
                del self._marks[mark.symbol]
        for session in changes.sessions:
            self._sessions[session.symbol] = session
        if changes.gate_ts_ns > self._ts_event_ns:
            silence_ns = changes.gate_ts_ns - self._ts_event_ns
            self._ts_event_ns = changes.gate_ts_ns
            self._quiet_ns += silence_ns
            if self._heard_wall_ns is not None:
                self._heard_wall_ns += silence_ns

    def _advance(self, ts_event_ns: int, wall_ns: int) -> None:
        self._ts_event_ns = max(self._ts_event_ns, ts_event_ns)
        self._heard_wall_ns = wall_ns
        self._quiet_ns = 0

    def _session_changes(self, gate_ts_ns: int) -> Iterable[SessionChange]:
        if not gate_ts_ns:
            return
        for symbol, instrument in self._instruments.items():
            known = self._sessions.get(symbol)
            if known is None or gate_ts_ns >= known.close_ns:
                yield SessionChange(symbol, *session_around(instrument.session, gate_ts_ns))


def _sane(ts_event_ns: int) -> int:
    """The time, where markets could have had it: gate time never goes back, so a wild one is for ever."""
    if not TS_MIN_NS <= ts_event_ns <= TS_MAX_NS:
        raise ValueError(f"ts_event_ns is {ts_event_ns}, expected {TS_MIN_NS} (1980) to {TS_MAX_NS} (2200)")
    return ts_event_ns


def _is_after(mark: MarkChange, newest: MarkChange) -> bool:
    """Whether the row comes after the newest one: by time, and within a source by sequence too."""
    if mark.source == newest.source:
        return mark.seq > newest.seq and mark.ts_event_ns >= newest.ts_event_ns
    return mark.ts_event_ns >= newest.ts_event_ns


def _price_micro(kind: str, columns: Columns) -> int:
    """The last trade's price, or the last quote's mid, in millionths. Raises ValueError."""
    names = ("price",) if kind == "trade" else ("bid_price", "ask_price")
    prices = [float(columns[name][-1]) for name in names]
    for price in prices:
        if not (np.isfinite(price) and PRICE_MIN <= price <= PRICE_MAX):
            raise ValueError(f"last price is {price}, expected a number from {PRICE_MIN:g} to {PRICE_MAX:g}")
    if prices[0] > prices[-1]:
        raise ValueError(f"last quote is crossed: bid {prices[0]} is above ask {prices[-1]}")
    return to_micro(sum(prices) / len(prices))
