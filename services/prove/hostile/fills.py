"""Hostile fills: of open approvals in full, in parts, twice and too much; of none; and unreadable ones."""

import random

import msgspec

from services.prove.hostile.world import SOUND
from services.prove.oracle import Oracle
from services.prove.oracle.book import Approval

_encode = msgspec.msgpack.Encoder().encode


class Fills:
    """Makes the bodies of fills from what the oracle holds open."""

    def __init__(self, rng: random.Random, oracle: Oracle) -> None:
        self._rng, self._oracle = rng, oracle
        self._last: dict[str, object] = {}

    def body(self, now_ns: int) -> bytes:
        """One fill. Most are honest: positions must move for limits to matter."""
        rng, opened = self._rng, self._oracle.book.open
        if self._last and rng.random() < 0.06:
            return _encode(self._last)
        if rng.random() < 0.03:
            return self._unreadable(now_ns)
        if not opened or rng.random() < 0.02:
            return self._stray(now_ns)
        approval = rng.choice(opened)
        self._last = self._fields(approval, self._lots(approval.lots), now_ns)
        return _encode(self._last)

    def _lots(self, lots: int) -> int:
        part = self._rng.randint(1, abs(lots)) * (1 if lots > 0 else -1)
        chosen = self._rng.choices((lots, part, lots * 2, -part, 0), (70, 24, 2, 2, 2))[0]
        return max(-(2**63), min(2**63, chosen))

    def _fields(self, approval: Approval, lots: int, now_ns: int) -> dict[str, object]:
        fields: dict[str, object] = {
            "schema": "fill.v1",
            "fill_id": self._rng.randbytes(16).hex(),
            "intent_id": approval.intent_id,
            "principal": approval.principal,
            "strategy_id": approval.strategy_id,
            "symbol": approval.symbol,
            "lots": lots,
            "price_micro": 1_000_000,
            "ts_event_ns": now_ns,
        }
        if self._rng.random() < 0.02:
            other: tuple[dict[str, object], ...] = (
                {"principal": "someone"},
                {"strategy_id": "beta"},
                {"symbol": "ES"},
                {"note": "unknown fields are read over"},
            )
            fields |= self._rng.choice(other)
        return fields

    def _stray(self, now_ns: int) -> bytes:
        rng = self._rng
        lots = rng.choice((-2, -1, 1, 2))
        symbol = rng.choice((*SOUND, "HUGE", "HUGE", "DUST", "NOPE"))
        stray = Approval("predict", rng.randbytes(16).hex(), rng.choice(("alpha", "beta")), symbol, lots, 0)
        return _encode(self._fields(stray, lots, now_ns))

    def _unreadable(self, now_ns: int) -> bytes:
        fields = self._fields(Approval("predict", "ab" * 16, "alpha", "ES", 1, 0), 1, now_ns)
        wrong: tuple[dict[str, object], ...] = (
            {"lots": 1.0},
            {"lots": 2**53 + 1},
            {"lots": None},
            {"price_micro": -1},
            {"fill_id": "x"},
            {"intent_id": "ab" * 16 + "\n"},
            {"schema": "fill.v2"},
        )
        good = _encode(fields)
        bodies = (b"", good[:-1], good + b"\x00", _encode({**fields, **self._rng.choice(wrong)}))
        return self._rng.choice(bodies)
