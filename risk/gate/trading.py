"""Trading state: what operators did to it, the kill latch, and the reset that takes two."""

from typing import NamedTuple

from contracts.states import TradingState
from risk.book.digests import DigestIndex


class PendingReset(NamedTuple):
    """The first of two people asked for a reset."""

    operator: str
    asked_ns: int


class Trading:
    """What may pass, and the facts that commands are judged by.

    Attributes:
        is_killed: The latch; only a reset by two people takes it off.
        kill_ts_ns: Gate time of the last kill; None before the first.
        stopped_seq: Gate sequence of the last kill or reduce; a reset must have seen it.
        pending: A reset that waits for its second person.
        nonces: Every nonce ever decoded, with the sequence of its record.
    """

    def __init__(self) -> None:
        self.state = TradingState.ACTIVE
        self.is_killed = False
        self.kill_ts_ns: int | None = None
        self.stopped_seq = 0
        self.pending: PendingReset | None = None
        self.nonces = DigestIndex()

    def begin(self, gate_ts_ns: int, second_within_ns: int) -> None:
        """Start a record: a reset whose second person came too late is forgotten."""
        if self.pending is not None and gate_ts_ns - self.pending.asked_ns > second_within_ns:
            self.pending = None

    def kill(self, seq: int, gate_ts_ns: int) -> None:
        """Latch, and stop everything."""
        self.state, self.is_killed = TradingState.HALTED, True
        self.kill_ts_ns, self.stopped_seq, self.pending = gate_ts_ns, seq, None

    def reduce(self, seq: int) -> None:
        """Let through only what brings exposure nearer to flat."""
        self.state, self.stopped_seq = TradingState.REDUCING, seq

    def resume(self) -> None:
        """Take the latch off and let everything through."""
        self.state, self.is_killed, self.pending = TradingState.ACTIVE, False, None
