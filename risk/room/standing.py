"""Standing: the part of the gate's state that decides what one strategy may do next, by value."""

from collections.abc import Mapping

from msgspec import Struct

from contracts.states import TradingState


class SymbolStanding(Struct, frozen=True, kw_only=True):
    """What the gate knows of one symbol, as far as one strategy is concerned. Lots are whole.

    Attributes:
        mark_micro: Price of the mark in millionths; 0 where there is none.
        mark_ts_event_ns: Event time of the mark.
        reference_micro: The collar's reference: the mean of the marks in its window.
        open_ns, close_ns: The session; open in ``[open_ns, close_ns)``. Both 0 where there is none.
        is_breaker_open: Of the symbol's ``stale_market`` breaker.
        mine: The strategy's filled lots and open approvals, signed.
        held: Filled lots of all strategies, signed.
        open_long, open_short: Open approvals of all strategies that would buy or sell; not negative.
    """

    mark_micro: int
    mark_ts_event_ns: int
    reference_micro: int
    open_ns: int = 0
    close_ns: int = 0
    is_breaker_open: bool = False
    mine: int = 0
    held: int = 0
    open_long: int = 0
    open_short: int = 0


class Standing(Struct, frozen=True, kw_only=True):
    """Where one strategy stands at one gate time.

    Attributes:
        strategy_id: Whose room is asked for.
        gate_ts_ns: Gate time; marks are as old as it says.
        trading_state: HALTED leaves no room, REDUCING only what is nearer to flat.
        is_stopped: Whether anything else denies every intent: the kill latch, an unwritable audit,
            the principal's ``invalid_input`` breaker.
        symbols: By symbol. One that is missing has no room.
    """

    strategy_id: str
    gate_ts_ns: int
    symbols: Mapping[str, SymbolStanding]
    trading_state: TradingState = TradingState.ACTIVE
    is_stopped: bool = False
