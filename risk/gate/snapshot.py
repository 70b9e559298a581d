"""Snapshots: the gate's state as canonical bytes, and back (rule R9).

Two gates in the same state give the same bytes, whatever brought them there: every collection is
sorted, and what no longer counts is left out.
"""

from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Struct

from contracts.gate import MarkChange, SessionChange
from contracts.limits import GateConfig
from contracts.states import BreakerName, BreakerState, TradingState
from risk.book.approvals import Approval, Approvals
from risk.book.digests import DigestIndex
from risk.book.positions import Holding, Positions
from risk.errors import InvariantViolated
from risk.gate.breakers import Breaker, Breakers
from risk.gate.market import Collar, CollarMark
from risk.gate.rules import Rules
from risk.gate.state import GateState
from risk.gate.trading import PendingReset, Trading

_encoder = msgspec.msgpack.Encoder(order="deterministic")


class _CollarKept(Struct, frozen=True, array_like=True):
    symbol: str
    newest: CollarMark
    others: list[CollarMark]


class _BreakerKept(Struct, frozen=True, array_like=True):
    name: BreakerName
    key: str
    state: BreakerState
    faults_ns: list[int]
    successes: int
    opened_ns: int


class _TradingKept(Struct, frozen=True, array_like=True):
    state: TradingState
    is_killed: bool
    kill_ts_ns: int | None
    stopped_seq: int
    pending: PendingReset | None
    nonces: bytes


class _Kept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The canonical form. Another layout takes another name in ``layout``."""

    layout: Literal["gate_state.v1"] = "gate_state.v1"
    seq: int
    gate_ts_ns: int
    chain: bytes
    config: GateConfig | None
    marks: list[MarkChange]
    collars: list[_CollarKept]
    sessions: list[SessionChange]
    holdings: list[Holding]
    approvals: list[Approval]
    trading: _TradingKept
    breakers: list[_BreakerKept]
    identities: bytes
    wishes: bytes
    fills: bytes


_decoder = msgspec.msgpack.Decoder(_Kept)


def to_bytes(state: GateState) -> bytes:
    """The state's canonical bytes.

    Raises:
        InvariantViolated: the sums that the books keep are not the sums of what they hold.
    """
    wrong = state.positions.disagreements() + state.approvals.disagreements()
    if wrong:
        raise InvariantViolated("the books' sums are the sums of their rows", wrong, "none", state.seq)
    state.market.settle(state.cutoff_ns)
    market, trading = state.market, state.trading
    kept = _Kept(
        seq=state.seq,
        gate_ts_ns=state.gate_ts_ns,
        chain=state.chain,
        config=None if state.rules is None else state.rules.config,
        marks=[market.marks[symbol] for symbol in sorted(market.marks)],
        collars=[
            _CollarKept(symbol, market.collars[symbol].newest, market.collars[symbol].others())
            for symbol in sorted(market.collars)
        ],
        sessions=[market.sessions[symbol] for symbol in sorted(market.sessions)],
        holdings=state.positions.holdings(),
        approvals=state.approvals.approvals(),
        trading=_TradingKept(
            trading.state,
            trading.is_killed,
            trading.kill_ts_ns,
            trading.stopped_seq,
            trading.pending,
            trading.nonces.to_bytes(),
        ),
        breakers=[
            _BreakerKept(*key, breaker.state, list(breaker.faults_ns), breaker.successes, breaker.opened_ns)
            for key, breaker in state.breakers.away_from_rest()
        ],
        identities=state.identities.to_bytes(),
        wishes=state.wishes.to_bytes(),
        fills=state.fills.to_bytes(),
    )
    return _encoder.encode(kept)


def from_bytes(data: bytes) -> GateState:
    """The state that the bytes are of.

    Raises:
        InvariantViolated: they are not bytes that ``to_bytes`` makes; replay the whole journal.
    """
    try:
        kept = _decoder.decode(data)
        state = _restored(kept)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise InvariantViolated(
            "a snapshot holds the state it was made of", error, "gate_state.v1", 0
        ) from None
    return state


def digest_of_config(config: GateConfig | None) -> str:
    """64 hexadecimal digits over the configuration in canonical form; of nothing where there is none."""
    return digest_of_bytes(b"" if config is None else _encoder.encode(config))


def digest_of_bytes(data: bytes) -> str:
    """BLAKE2b-256, 64 hexadecimal digits."""
    return blake2b(data, digest_size=32).hexdigest()


def _restored(kept: _Kept) -> GateState:
    state = GateState()
    state.seq, state.gate_ts_ns, state.chain = kept.seq, kept.gate_ts_ns, kept.chain
    if kept.config is not None:
        state.rules = Rules(kept.config)
        state.cutoff_ns = kept.gate_ts_ns - state.rules.collar_window_ns
    state.market.marks = {mark.symbol: mark for mark in kept.marks}
    state.market.collars = {row.symbol: Collar(row.newest, row.others) for row in kept.collars}
    state.market.sessions = {session.symbol: session for session in kept.sessions}
    state.positions = Positions(kept.holdings)
    state.approvals = Approvals(kept.approvals)
    state.trading = _restored_trading(kept.trading)
    state.breakers = Breakers(
        (
            ((row.name, row.key), Breaker(row.state, row.faults_ns, row.successes, row.opened_ns))
            for row in kept.breakers
        ),
        None if state.rules is None else state.rules.breakers,
        kept.gate_ts_ns,
    )
    state.identities = DigestIndex.from_bytes(kept.identities)
    state.wishes = DigestIndex.from_bytes(kept.wishes)
    state.fills = DigestIndex.from_bytes(kept.fills)
    return state


def _restored_trading(kept: _TradingKept) -> Trading:
    trading = Trading()
    trading.state, trading.is_killed = kept.state, kept.is_killed
    trading.kill_ts_ns, trading.stopped_seq, trading.pending = kept.kill_ts_ns, kept.stopped_seq, kept.pending
    trading.nonces = DigestIndex.from_bytes(kept.nonces)
    return trading
