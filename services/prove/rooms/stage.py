"""The stage: a real gate that situations are built in, one after another, through records alone.

What the gate is told is also kept here as a ``Standing``, from the situation and the gate's own
verdicts: nothing is read out of the gate.
"""

from fractions import Fraction

from contracts.codec import encode
from contracts.control import OperatorCommand
from contracts.gate import Fill, GateRecord, MarkChange, RecordKind, SessionChange
from contracts.intents import Intent, Side
from contracts.limits import GateConfig
from contracts.scalars import INT64_MAX, MICRO, SECOND_NS
from contracts.states import TradingState
from contracts.subjects import control, intent_proposed
from contracts.verdicts import Verdict
from risk.gate import Decision, Gate
from risk.gate.amounts import lot_worth, to_micro
from risk.room import Standing, SymbolStanding
from risk.room.sizes import target_of
from services.prove.rooms.situation import MONEY_MAX, PROBE, Situation, SymbolCase

PRINCIPAL = "slm"
_SIDE_OF: dict[bool, Side] = {True: "long", False: "short"}


class Stage:
    """One gate, and what was done to it.

    Attributes:
        gate: The judge.
        now_ns: Gate time of the next record.
    """

    def __init__(self) -> None:
        self.gate = Gate()
        self.now_ns = SECOND_NS
        self._count = 0
        self._is_audit_ok = True

    def set_up(self, scene: Situation) -> Standing:
        """Build the situation, and say where the probing strategy now stands."""
        self._release()
        first_ns = self.now_ns
        sessions = tuple(SessionChange(case.symbol, 0, INT64_MAX) for case in scene.cases)
        self._configure(scene.permissive(), (), sessions)
        for case in scene.cases:
            if case.is_breaker_open:  # without a mark the first intent is a fault, and one is enough
                self.ask(case.symbol, "flat", 0.0, 0)
        marks = tuple(
            MarkChange(c.symbol, c.price_micro, first_ns, "sim", 1) for c in scene.cases if c.has_mark
        )
        self._decide(RecordKind.TIMER, marks=marks)
        books = {case.symbol: self._book(case) for case in scene.cases}
        self.now_ns += scene.elapsed_ns
        marks = tuple(
            MarkChange(case.symbol, case.next_price_micro, self.now_ns - case.mark_age_ns, "sim", 2)
            for case in scene.cases
            if case.has_mark
        )
        sessions = tuple(
            SessionChange(case.symbol, 0, self.now_ns - case.closed_by_ns) for case in scene.cases
        )
        self._configure(scene.rules(), marks, sessions)
        self._stop(scene.stop)
        return Standing(
            strategy_id=PROBE,
            gate_ts_ns=self.now_ns,
            trading_state=self.gate.trading_state,
            is_stopped=scene.stop in {"kill", "audit"},
            symbols={
                case.symbol: self._standing(case, books[case.symbol], scene, first_ns) for case in scene.cases
            },
        )

    def ask(
        self, symbol: str, side: Side, target: float, slippage_bps: int, strategy_id: str = PROBE
    ) -> Verdict:
        """The gate's answer to a wish on a row of its own."""
        intent = Intent(
            intent_id=f"{self._number():032x}",
            strategy_id=strategy_id,
            symbol=symbol,
            side=side,
            target_notional=target,
            urgency="low",
            max_slippage_bps=slippage_bps,
            ts_event_ns=self.now_ns,
            basis_source="sim",
            basis_seq=self._count,
            basis_ts_ns=self.now_ns,
        )
        decision = self._decide(
            RecordKind.INTENT,
            encode(intent),
            subject=intent_proposed(strategy_id, symbol),
            principal=PRINCIPAL,
            is_audit_ok=self._is_audit_ok,
        )
        assert decision.verdict is not None
        return decision.verdict

    def _book(self, case: SymbolCase) -> list[tuple[str, int, bool]]:
        """Fill and approve; (strategy, lots, whether filled) of what the gate took."""
        book = []
        for strategy_id, lots in case.fills.items():
            if lots:
                self._fill(strategy_id, case.symbol, lots)
                book.append((strategy_id, lots, True))
        worth = lot_worth(to_micro(case.multiplier), to_micro(case.lot_size))
        for strategy_id, change in case.wishes:
            lots = change + sum(each for owner, each, _ in book if owner == strategy_id)
            target = target_of(abs(lots), case.price_micro, worth, to_micro(MONEY_MAX)) if lots else None
            if target is None:
                continue
            verdict = self.ask(case.symbol, _SIDE_OF[lots > 0], target, 0, strategy_id)
            if verdict.lots:
                book.append((strategy_id, verdict.lots, False))
        return book

    def _standing(
        self, case: SymbolCase, book: list[tuple[str, int, bool]], scene: Situation, first_ns: int
    ) -> SymbolStanding:
        window_ns = scene.collar_window_ms * (SECOND_NS // 1_000)
        prices = [case.next_price_micro]
        if first_ns > self.now_ns - window_ns:
            prices.append(case.price_micro)
        opened = [lots for _, lots, is_filled in book if not is_filled]
        return SymbolStanding(
            mark_micro=case.next_price_micro if case.has_mark else 0,
            mark_ts_event_ns=self.now_ns - case.mark_age_ns,
            reference_micro=round(Fraction(sum(prices), len(prices))),
            close_ns=self.now_ns - case.closed_by_ns,
            is_breaker_open=case.is_breaker_open,
            mine=sum(lots for owner, lots, _ in book if owner == PROBE),
            held=sum(lots for _, lots, is_filled in book if is_filled),
            open_long=sum(lots for lots in opened if lots > 0),
            open_short=-sum(lots for lots in opened if lots < 0),
        )

    def _release(self) -> None:
        """Undo what the last situation did to everybody: two people reset."""
        self.now_ns += SECOND_NS
        self._is_audit_ok = True
        if self.gate.trading_state is not TradingState.ACTIVE:
            self._command("reset", "operator1")
            self._command("reset", "operator2")

    def _stop(self, stop: str) -> None:
        self._is_audit_ok = stop != "audit"
        if stop in {"kill", "reduce"}:
            self._command(stop, "operator1")

    def _command(self, command: str, operator: str) -> None:
        body = OperatorCommand(
            command=command,  # type: ignore[arg-type]  # one of the three, by the callers
            operator=operator,
            nonce=f"{self._number():016x}",
            reason="prove",
            expires_ts_ns=INT64_MAX,
            expected_gate_seq=self.gate.seq,
        )
        self._decide(RecordKind.CONTROL, encode(body), subject=control(command, operator), principal=operator)

    def _configure(
        self, config: GateConfig, marks: tuple[MarkChange, ...], sessions: tuple[SessionChange, ...]
    ) -> None:
        self._decide(RecordKind.CONFIG, encode(config), marks=marks, sessions=sessions)

    def _fill(self, strategy_id: str, symbol: str, lots: int) -> None:
        number = f"{self._number():032x}"
        fill = Fill(
            fill_id=number,
            intent_id=number,
            principal=PRINCIPAL,
            strategy_id=strategy_id,
            symbol=symbol,
            lots=lots,
            price_micro=MICRO,
            ts_event_ns=self.now_ns,
        )
        self._decide(RecordKind.FILL, encode(fill), principal="oms")

    def _decide(  # noqa: PLR0917  # a record's own fields, in its order
        self,
        kind: RecordKind,
        body: bytes = b"",
        subject: str = "",
        principal: str = "",
        marks: tuple[MarkChange, ...] = (),
        sessions: tuple[SessionChange, ...] = (),
        *,
        is_audit_ok: bool = True,
    ) -> Decision:
        return self.gate.decide(
            GateRecord(
                seq=self.gate.seq + 1,
                kind=kind,
                gate_ts_ns=self.now_ns,
                body=body,
                subject=subject,
                principal=principal,
                marks=marks,
                sessions=sessions,
                is_audit_ok=is_audit_ok,
            )
        )

    def _number(self) -> int:
        self._count += 1
        return self._count
