"""Bounds: whether what the gate approved stays inside the limits, counted from its own approvals.

The oracle compares reasons; this adds up consequences. It believes the gate's lots, keeps its own
book of them, and asks only what no approval may ever do. A gate and an oracle that were wrong in
the same way would still be found here.
"""

from decimal import Decimal

from contracts.gate import GateRecord, RecordKind
from contracts.verdicts import Outcome, Verdict
from services.prove.oracle import numbers
from services.prove.oracle.book import Approval, Book
from services.prove.oracle.commands import is_kill
from services.prove.oracle.forms import read_fill, read_intent
from services.prove.oracle.rules import Rules


class Bounds:
    """Follows records and verdicts. ``watch`` names the limits that a verdict breaks."""

    def __init__(self) -> None:
        self._book = Book()
        self._rules: Rules | None = None
        self._prices: dict[str, tuple[Decimal, int]] = {}
        self._is_killed = False
        self._answered: set[tuple[str, str]] = set()

    def watch(self, record: GateRecord, verdict: Verdict | None, *, is_reset: bool) -> list[str]:
        """What the verdict breaks; ``is_reset`` says that the record ended in trading being ACTIVE again."""
        for change in record.marks:
            self._prices[change.symbol] = (numbers.from_micro(change.price_micro), change.ts_event_ns)
        self._book.lapse(record.gate_ts_ns)
        if record.kind is RecordKind.CONFIG:
            self._rules = Rules.read(record.body)
        elif record.kind is RecordKind.FILL and (fill := read_fill(record.body)):
            self._book.fill(fill)
        elif record.kind is RecordKind.CONTROL:
            self._is_killed = not is_reset and (self._is_killed or is_kill(record.subject))
        return [] if verdict is None else self._verdict(record, verdict)

    def _verdict(self, record: GateRecord, verdict: Verdict) -> list[str]:
        identity = (verdict.principal, verdict.intent_id)
        broken = ["a second verdict for one intent"] if identity in self._answered else []
        self._answered.add(identity)
        if verdict.gate_seq != record.seq:
            broken.append("a verdict that names another record")
        if verdict.outcome is Outcome.DENIED:
            return [*broken, "denied, with lots"] if verdict.lots or verdict.target_lots else broken
        return broken + self._approval(record, verdict)

    def _approval(self, record: GateRecord, verdict: Verdict) -> list[str]:
        rules, intent = self._rules, read_intent(record.body)
        if rules is None or intent is None:
            return ["approved without rules or an intent"]
        symbol, strategy_id = verdict.symbol, verdict.strategy_id
        limits, card = rules.symbols.get(symbol), rules.cards.get(strategy_id)
        price, marked_ns = self._prices.get(symbol, (Decimal(0), 0))
        if limits is None or card is None or price <= 0 or symbol not in rules.lot_worth:
            return ["approved without limits, card, instrument or mark"]
        lot = numbers.product(price, rules.lot_worth[symbol])
        worst = self._book.worst_case(symbol, verdict.lots) if verdict.lots else 0
        held = self._book.held(strategy_id, symbol)
        money = {lots: numbers.product(lot, abs(lots)) for lots in (verdict.lots, verdict.target_lots, worst)}
        asked = numbers.amount(_number(intent["target_notional"]))
        claims = {
            "approved while killed": self._is_killed,
            "approved without an audit": not record.is_audit_ok,
            "approved on the restricted list": symbol in rules.restricted,
            "approved on a stale mark": record.gate_ts_ns - marked_ns > rules.mark_age_ns,
            "approved no change": verdict.lots == 0 or verdict.target_lots - held != verdict.lots,
            "beyond the card": money[verdict.target_lots] > card.target_max,
            "beyond what was asked": money[verdict.target_lots] > asked,
            "beyond the order limit": money[verdict.lots] > limits.order_max,
            "beyond the position limit": money[worst] > limits.position_max,
            "beyond the slippage limit": _number(intent["max_slippage_bps"]) > limits.slippage_bps_max,
        }
        expires_ns = record.gate_ts_ns + rules.approval_ttl_ns
        self._book.open.append(
            Approval(verdict.principal, verdict.intent_id, strategy_id, symbol, verdict.lots, expires_ns)
        )
        return [claim for claim, is_broken in claims.items() if is_broken]


def _number(value: object) -> int | float:
    assert isinstance(value, int | float)
    return value
