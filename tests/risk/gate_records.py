"""Records for a gate under test: a small desk with one future, and only the numbers a test is about."""

from contracts.codec import encode
from contracts.control import OperatorCommand
from contracts.gate import DeniedUnaudited, Fill, GateRecord, MarkChange, RecordKind, SessionChange
from contracts.identity import digest
from contracts.instruments import Instrument, SessionWindow, TradingSession
from contracts.intents import Intent
from contracts.limits import (
    BreakerLimits,
    Breakers,
    GateConfig,
    Limits,
    ResetLimits,
    StrategyCard,
    SymbolLimits,
)
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from contracts.subjects import control, intent_proposed
from risk.gate import Decision, Gate

START_NS = 1_000 * SECOND_NS
MARK_MICRO = 100_000_000
"""A price of 100; with multiplier 50 and lot 1, a lot of ``FUT`` is worth 5,000."""

LOT_MONEY = 5_000.0


def make_instrument(symbol: str = "FUT", **overrides) -> Instrument:
    session = TradingSession(
        name="always", time_zone="UTC", windows=(SessionWindow(opens="MON 00:00", closes="SUN 24:00"),)
    )
    values = {
        "symbol": symbol,
        "venue": "SIM",
        "kind": "future",
        "currency": "USD",
        "tick_size": 0.25,
        "lot_size": 1.0,
        "multiplier": 50.0,
        "session": session,
    }
    return Instrument(**values | overrides)


def make_symbol_limits(**overrides) -> SymbolLimits:
    values = {
        "order_notional_max": 50_000.0,
        "position_notional_max": 100_000.0,
        "collar_bps": 100,
        "slippage_bps_max": 25,
    }
    return SymbolLimits(**values | overrides)


def make_breaker_limits(**overrides) -> BreakerLimits:
    values = {"faults_to_open": 3, "window_ms": 60_000, "cooldown_ms": 30_000, "probes_to_close": 2}
    return BreakerLimits(**values | overrides)


def make_limits(**overrides) -> Limits:
    breaker = make_breaker_limits()
    values = {
        "account_currency": "USD",
        "per_symbol": {symbol: make_symbol_limits() for symbol in ("FUT", "EUR", "BAN", "NEW")},
        "restricted": ("BAN",),
        "mark_age_ms_max": 5_000,
        "basis_age_ms_max": 2_000,
        "basis_ahead_ms_max": 1_000,
        "collar_window_ms": 60_000,
        "approval_ttl_ms": 5_000,
        "breakers": Breakers(invalid_input=breaker, stale_market=breaker),
        "reset": ResetLimits(cool_off_ms=3_000, second_within_ms=600_000),
    }
    return Limits(**values | overrides)


def make_card(strategy_id: str = "trend", **overrides) -> StrategyCard:
    values = {
        "strategy_id": strategy_id,
        "owner": "research desk",
        "instruments": ("FUT", "EUR", "BAN", "BARE"),
        "target_notional_max": 80_000.0,
    }
    return StrategyCard(**values | overrides)


def make_config(limits: Limits | None = None, **overrides) -> GateConfig:
    """``FUT`` trades; ``EUR`` is foreign, ``BAN`` restricted, ``BARE`` without limits, ``NEW`` on no card."""
    values = {
        "limits": limits or make_limits(),
        "instruments": (
            make_instrument("FUT"),
            make_instrument("EUR", currency="EUR"),
            make_instrument("BAN"),
            make_instrument("BARE"),
            make_instrument("NEW"),
        ),
        "cards": (make_card("trend"), make_card("mean_revert")),
    }
    return GateConfig(**values | overrides)


def make_mark(
    symbol: str = "FUT", price_micro: int = MARK_MICRO, ts_event_ns: int = START_NS, seq: int = 1
) -> MarkChange:
    return MarkChange(symbol, price_micro, ts_event_ns, "tape", seq)


def make_session(symbol: str = "FUT", open_ns: int = 0, close_ns: int = 2**62) -> SessionChange:
    return SessionChange(symbol, open_ns, close_ns)


def make_intent(number: int = 1, **overrides) -> Intent:
    """A wish for 4 lots of ``FUT``; ``number`` makes its identity and its basis row."""
    values = {
        "intent_id": digest(f"intent {number}".encode()),
        "symbol": "FUT",
        "side": "long",
        "target_notional": 4 * LOT_MONEY,
        "urgency": "low",
        "max_slippage_bps": 10,
        "strategy_id": "trend",
        "ts_event_ns": START_NS,
        "basis_source": "tape",
        "basis_seq": number,
        "basis_ts_ns": START_NS,
    }
    return Intent(**values | overrides)


def make_fill(intent: Intent, lots: int, number: int = 1, principal: str = "predict", **overrides) -> Fill:
    values = {
        "fill_id": digest(f"fill {number}".encode()),
        "intent_id": intent.intent_id,
        "principal": principal,
        "strategy_id": intent.strategy_id,
        "symbol": intent.symbol,
        "lots": lots,
        "price_micro": MARK_MICRO,
        "ts_event_ns": START_NS,
    }
    return Fill(**values | overrides)


class Bench:
    """A gate and the journal that feeds it: fills in sequence and time, keeps every record.

    Attributes:
        now_ns: Gate time of the next record.
        records: Everything decided so far, in order.
    """

    def __init__(
        self, config: GateConfig | None = None, *, is_open: bool = True, has_mark: bool = True
    ) -> None:
        self.gate = Gate()
        self.now_ns = START_NS
        self.records: list[GateRecord] = []
        self._intents = 0
        self._nonces = 0
        sessions = tuple(make_session(symbol) for symbol in ("FUT", "EUR", "BAN", "BARE")) if is_open else ()
        self.configure(config or make_config(), sessions=sessions, marks=(make_mark(),) if has_mark else ())

    def decide(self, kind: RecordKind, body: bytes = b"", **fields) -> Decision:
        record = GateRecord(seq=self.gate.seq + 1, kind=kind, gate_ts_ns=self.now_ns, body=body, **fields)
        self.records.append(record)
        return self.gate.decide(record)

    def configure(self, config: GateConfig, **fields) -> Decision:
        return self.decide(RecordKind.CONFIG, encode(config), **fields)

    def propose(
        self, intent: Intent | None = None, *, principal: str = "predict", record=None, **overrides
    ) -> Decision:
        """An intent on its own subject; each call is another identity and basis row unless it says which."""
        self._intents += 1
        if intent is None:
            intent = make_intent(self._intents, **{"basis_ts_ns": self.now_ns} | overrides)
        fields = {"subject": intent_proposed(intent.strategy_id, intent.symbol), "principal": principal}
        return self.decide(RecordKind.INTENT, encode(intent), **fields | (record or {}))

    def send(
        self, body: bytes, *, subject: str = "intent.proposed.trend.FUT", principal: str = "predict"
    ) -> Decision:
        """Any bytes as an intent."""
        return self.decide(RecordKind.INTENT, body, subject=subject, principal=principal)

    def command(
        self, command: str, operator: str = "operator1", *, subject: str | None = None, **overrides
    ) -> Decision:
        """A command that is in order but for the overrides."""
        self._nonces += 1
        values = {
            "command": command,
            "operator": operator,
            "nonce": f"{self._nonces:016x}",
            "reason": "a test",
            "expires_ts_ns": self.now_ns + 60 * SECOND_NS,
            "expected_gate_seq": self.gate.seq,
        }
        body = encode(OperatorCommand(**values | overrides))
        return self.decide(
            RecordKind.CONTROL, body, subject=subject or control(command, operator), principal=operator
        )

    def fill(self, fill: Fill) -> Decision:
        return self.decide(RecordKind.FILL, encode(fill), principal="oms")

    def timer(self, **fields) -> Decision:
        return self.decide(RecordKind.TIMER, **fields)

    def advance(self, milliseconds: int, *, with_mark: bool = True) -> None:
        """Let gate time pass; the mark follows unless the market is to be silent."""
        self.now_ns += milliseconds * MILLISECOND_NS
        self.timer(marks=(make_mark(ts_event_ns=self.now_ns),) if with_mark else ())

    def denied_unaudited(self, principal: str, intent_id: str) -> Decision:
        return self.timer(denied_unaudited=(DeniedUnaudited(principal, intent_id),))
