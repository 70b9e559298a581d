"""Verdicts: the gate's one answer to one intent, and the closed set of reasons to deny."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.scalars import (
    VOLATILE,
    Count,
    Digest,
    Int64,
    Nanos,
    OptionalDigest,
    Principal,
    VolatileCount,
    VolatileNanos,
)


class Outcome(StrEnum):
    """What the gate decided."""

    APPROVED = "APPROVED"
    DENIED = "DENIED"


class DenyCode(StrEnum):
    """Why an intent was denied. Closed: a new reason is a new member, never a reused one.

    Each is one comparison ``found <= allowed``; ``risk/gate/README.md`` says of what, in order.
    """

    INPUT_INVALID = "INPUT_INVALID"
    SUBJECT_MISMATCH = "SUBJECT_MISMATCH"
    SIDE_CONTRADICTS = "SIDE_CONTRADICTS"
    AUDIT_UNAVAILABLE = "AUDIT_UNAVAILABLE"
    KILLED = "KILLED"
    TRADING_HALTED = "TRADING_HALTED"
    BREAKER_INVALID_INPUT = "BREAKER_INVALID_INPUT"
    BREAKER_STALE_MARKET = "BREAKER_STALE_MARKET"
    STRATEGY_UNKNOWN = "STRATEGY_UNKNOWN"
    INSTRUMENT_UNKNOWN = "INSTRUMENT_UNKNOWN"
    STRATEGY_INSTRUMENT = "STRATEGY_INSTRUMENT"
    LIMITS_MISSING = "LIMITS_MISSING"
    CURRENCY_UNSUPPORTED = "CURRENCY_UNSUPPORTED"
    RESTRICTED = "RESTRICTED"
    MARK_MISSING = "MARK_MISSING"
    MARK_STALE = "MARK_STALE"
    BASIS_STALE = "BASIS_STALE"
    BASIS_AHEAD = "BASIS_AHEAD"
    SESSION_CLOSED = "SESSION_CLOSED"
    DUPLICATE_CONTENT = "DUPLICATE_CONTENT"
    AMOUNT_OVERFLOW = "AMOUNT_OVERFLOW"
    LOTS_ZERO = "LOTS_ZERO"
    NO_CHANGE = "NO_CHANGE"
    TRADING_REDUCING = "TRADING_REDUCING"
    STRATEGY_NOTIONAL = "STRATEGY_NOTIONAL"
    ORDER_NOTIONAL = "ORDER_NOTIONAL"
    POSITION_NOTIONAL = "POSITION_NOTIONAL"
    SLIPPAGE = "SLIPPAGE"
    PRICE_COLLAR = "PRICE_COLLAR"


Unit = Literal["micro", "ns", "bps", "lots", "flag", "count"]
"""Of a check's numbers. ``micro`` is a millionth of the account currency; ``flag`` is 0 or 1."""


class Check(Struct, frozen=True, array_like=True):
    """One comparison that the gate made: it passed if ``found <= allowed``.

    Attributes:
        code: The reason it would deny with.
        setting: Where to change what is allowed, as a path into the limits file or card; empty
            where nothing configures it.
    """

    code: DenyCode
    found: Int64
    allowed: Int64
    unit: Unit
    setting: str

    @property
    def passed(self) -> bool:
        """Whether the comparison holds. The boundary passes."""
        return self.found <= self.allowed

    @property
    def headroom(self) -> int:
        """What was left, in the check's unit; negative where it denied."""
        return self.allowed - self.found


class Verdict(Struct, frozen=True, kw_only=True, tag_field="schema", tag="verdict.v1"):
    """The gate's one answer to one intent, on ``risk.verdict.<strategy_id>.<symbol>``.

    Attributes:
        principal: Whose credential proposed it. With ``intent_id`` it is the identity, for ever.
        outcome, code: ``code`` is None where approved.
        checks: Every comparison made, in order, up to the one that denied.
        lots: Approved change, signed: positive buys. 0 where denied.
        target_lots: Signed exposure that the strategy will hold if it fills. 0 where denied.
        mark_price_micro, mark_source, mark_seq: The market position decided at: price in
            millionths, and the row; fills look only at rows after it. 0 and "" where there is none.
        gate_seq: Place in the gate's journal; 0 where the journal could not be written, which
            only ever denies.
        gate_ts_ns: Gate time (rule R4).
        expires_ts_ns: When an unfilled approval lapses, in event time. 0 where denied.
        chain: The gate's hash chain after this decision. Left out of hashes: it is one.
        epoch: Which start of the gate decided. Volatile.
        basis_recv_ns: The intent's ``ts_recv_ns``, so that latency can be told. Volatile.
    """

    intent_id: Digest
    principal: Principal
    strategy_id: str
    symbol: str
    outcome: Outcome
    code: DenyCode | None
    checks: tuple[Check, ...]
    lots: Int64
    target_lots: Int64
    mark_price_micro: Count
    mark_source: str
    mark_seq: Count
    gate_seq: Count
    gate_ts_ns: Nanos
    expires_ts_ns: Nanos
    chain: Annotated[OptionalDigest, Meta(extra=VOLATILE)]
    epoch: VolatileCount
    basis_recv_ns: VolatileNanos = 0

    @property
    def denial(self) -> Check | None:
        """The check that denied, or None."""
        return self.checks[-1] if self.outcome is Outcome.DENIED and self.checks else None


_SENTENCES: dict[DenyCode, str] = {
    DenyCode.INPUT_INVALID: "the intent does not decode",
    DenyCode.SUBJECT_MISMATCH: "the intent's strategy or symbol is not that of its subject",
    DenyCode.SIDE_CONTRADICTS: "side and target contradict: flat goes with 0, long and short with more",
    DenyCode.AUDIT_UNAVAILABLE: "the audit cannot be written",
    DenyCode.KILLED: "the kill switch is latched",
    DenyCode.TRADING_HALTED: "trading is halted",
    DenyCode.BREAKER_INVALID_INPUT: "the invalid_input breaker of {principal} is open",
    DenyCode.BREAKER_STALE_MARKET: "the stale_market breaker of {symbol} is open",
    DenyCode.STRATEGY_UNKNOWN: "{strategy_id} has no strategy card",
    DenyCode.INSTRUMENT_UNKNOWN: "{symbol} is not in the instruments file",
    DenyCode.STRATEGY_INSTRUMENT: "the card of {strategy_id} does not name {symbol}",
    DenyCode.LIMITS_MISSING: "{symbol} has no limits",
    DenyCode.CURRENCY_UNSUPPORTED: "{symbol} is not priced in the account currency",
    DenyCode.RESTRICTED: "{symbol} is on the restricted list",
    DenyCode.MARK_MISSING: "{symbol} has no mark",
    DenyCode.MARK_STALE: "the mark of {symbol} is {found} old; at most {allowed}",
    DenyCode.BASIS_STALE: "the intent rests on a row {found} old; at most {allowed}",
    DenyCode.BASIS_AHEAD: "the intent rests on a row {found} ahead of the gate; at most {allowed}",
    DenyCode.SESSION_CLOSED: "{symbol} is outside its session",
    DenyCode.DUPLICATE_CONTENT: "the same wish was already made on the same row",
    DenyCode.AMOUNT_OVERFLOW: "the amount does not fit 64 bits",
    DenyCode.LOTS_ZERO: "the target is less than one lot of {symbol}",
    DenyCode.NO_CHANGE: "{strategy_id} already holds, or has open, this target in {symbol}",
    DenyCode.TRADING_REDUCING: "trading is reducing: this would not bring {symbol} nearer to flat",
    DenyCode.STRATEGY_NOTIONAL: "{strategy_id} asks for {found}; its card allows {allowed}",
    DenyCode.ORDER_NOTIONAL: "{symbol} would change by {found}; the limit is {allowed}",
    DenyCode.POSITION_NOTIONAL: "{symbol} could reach {found}; the limit is {allowed}",
    DenyCode.SLIPPAGE: "the intent allows {found} of slippage; at most {allowed}",
    DenyCode.PRICE_COLLAR: "the price could lie {found} from the reference; at most {allowed}",
}


def describe(verdict: Verdict) -> str:
    """One sentence for a person: why it was denied and where to change that, or what was approved.

    Derived from the fields, so the wording may improve without a message changing.
    """
    denial = verdict.denial
    if denial is None:
        return f"approved {verdict.lots:+d} lots of {verdict.symbol} towards {verdict.target_lots:+d}"
    sentence = _SENTENCES[denial.code].format(
        symbol=verdict.symbol,
        strategy_id=verdict.strategy_id,
        principal=verdict.principal,
        found=quantity(denial.found, denial.unit),
        allowed=quantity(denial.allowed, denial.unit),
    )
    return f"{sentence} ({denial.setting})" if denial.setting else sentence


def quantity(value: int, unit: Unit) -> str:
    """A check's number as people write it: ``1,250,000.00``, ``2,500 ms``, ``12 bps``, ``3 lots``."""
    match unit:
        case "micro":
            cents = -(-abs(value) // 10_000)  # away from zero: a breach never prints as its limit
            return f"{'-' if value < 0 else ''}{cents // 100:,}.{cents % 100:02d}"
        case "ns":
            return f"{value / 1_000_000:,.0f} ms"
        case "bps" | "lots":
            return f"{value:,} {unit}"
        case "flag" | "count":
            return f"{value:,}"
