"""The oracle: what the gate should have made of each record.

Read beside ``risk/gate/README.md``: the methods stand in the order of its page. Rounding is
avoided rather than repeated: where the gate rounds up before it compares with a whole number,
comparing exactly gives the same answer.
"""

from dataclasses import dataclass
from decimal import Decimal

from contracts import subjects
from contracts.gate import GateRecord, RecordKind
from services.prove.oracle import numbers
from services.prove.oracle.book import Approval, Book
from services.prove.oracle.breakers import Breakers
from services.prove.oracle.commands import Desk
from services.prove.oracle.forms import read_fill, read_intent, shown_id
from services.prove.oracle.market import Mark, Market
from services.prove.oracle.rules import Rules
from services.prove.oracle.ruling import Ruling

INPUT, STALE = "invalid_input", "stale_market"
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Wish:
    """An intent that decoded, with its target as money."""

    principal: str
    intent_id: str
    strategy_id: str
    symbol: str
    side: str
    target: Decimal
    slippage_bps: int
    basis_source: str
    basis_seq: int
    basis_ts_ns: int


@dataclass(frozen=True, slots=True)
class Order:
    """A wish in lots, signed."""

    target_lots: int
    change: int
    held: int


class Oracle:
    """Judges records in their order. Its parts are open to whoever wants to aim at a limit."""

    def __init__(self) -> None:
        self.rules: Rules | None = None
        self.now_ns = 0
        self.market = Market()
        self.book = Book()
        self.breakers = Breakers()
        self.desk = Desk()
        self.known: dict[tuple[str, str], int] = {}

    def judge(self, record: GateRecord) -> Ruling:
        """Rule on the next record. The first must be a ``config``."""
        self.now_ns = record.gate_ts_ns
        self.market.take_in(record.marks, record.sessions)
        for denied in record.denied_unaudited:
            self.known.setdefault((denied.principal, denied.intent_id), 0)
        self.book.lapse(self.now_ns)
        if record.kind is RecordKind.CONFIG:
            return self._configure(record.body)
        self.breakers.cool(self._rules.breakers, self.now_ns)
        match record.kind:
            case RecordKind.INTENT:
                return self._intent(record)
            case RecordKind.CONTROL:
                return self.desk.judge(record, self._rules)
            case RecordKind.FILL:
                return self._fill(record.body)
            case _:
                return self._timer()

    @property
    def _rules(self) -> Rules:
        if self.rules is None:
            raise ValueError("the first record is no config: there are no rules to judge by")
        return self.rules

    def _configure(self, body: bytes) -> Ruling:
        if self.rules is not None:
            self.market.forget_collar_before(self.now_ns - self.rules.collar_window_ns)
            self.breakers.cool(self.rules.breakers, self.now_ns)
            self.breakers.forget(self.rules.breakers, self.now_ns)
        self.rules = Rules.read(body)
        return Ruling("TAKEN")

    def _fill(self, body: bytes) -> Ruling:
        fill = read_fill(body)
        if fill is None:
            return Ruling("DEAD")
        self.book.fill(fill)
        return Ruling("TAKEN")

    def _timer(self) -> Ruling:
        for symbol in self._rules.symbols:
            mark = self.market.mark(symbol)
            if mark and self.market.is_open(symbol, self.now_ns) and self._is_stale(mark):
                self.breakers.fault((STALE, symbol), self._rules.breakers, self.now_ns)
        return Ruling("TAKEN")

    def _is_stale(self, mark: Mark) -> bool:
        return self.now_ns - mark.ts_event_ns > self._rules.mark_age_ns

    def _intent(self, record: GateRecord) -> Ruling:
        fields, address = read_intent(record.body), _address(record.subject)
        identity = str(fields["intent_id"]) if fields else shown_id(record.body)
        if identity is None or address is None:
            self.breakers.fault((INPUT, record.principal), self._rules.breakers, self.now_ns)
            return Ruling("DEAD")
        self.known.setdefault((record.principal, identity), record.seq)
        wish = _wish(record.principal, fields) if fields else None
        code = "INPUT_INVALID" if wish is None else _contradiction(wish, address)
        if wish is None or code:
            self.breakers.fault((INPUT, record.principal), self._rules.breakers, self.now_ns)
            return Ruling("DENIED", code)
        self.breakers.success((INPUT, record.principal), self._rules.breakers)
        return self._wish(wish, record)

    def _wish(self, wish: Wish, record: GateRecord) -> Ruling:
        code = self._standing(wish, record) or self._eligible(wish) or self._fresh(wish)
        if code:
            return Ruling("DENIED", code)
        mark = self.market.mark(wish.symbol)
        assert mark is not None  # _fresh denies without one
        order = self._order(wish, mark)
        code = self._shape(wish, order, mark) or self._limits(wish, order, mark)
        return Ruling("DENIED", code) if code else self._approve(wish, order)

    def _standing(self, wish: Wish, record: GateRecord) -> str:
        if not record.is_audit_ok:
            return "AUDIT_UNAVAILABLE"
        if self.desk.is_killed:
            return "KILLED"
        if self.desk.state == "HALTED":
            return "TRADING_HALTED"
        if self.breakers.is_open((INPUT, wish.principal)):
            return "BREAKER_INVALID_INPUT"
        has_breaker = wish.symbol in self._rules.symbols
        return "BREAKER_STALE_MARKET" if has_breaker and self.breakers.is_open((STALE, wish.symbol)) else ""

    def _eligible(self, wish: Wish) -> str:
        rules = self._rules
        if wish.strategy_id not in rules.cards:
            return "STRATEGY_UNKNOWN"
        if wish.symbol not in rules.currencies:
            return "INSTRUMENT_UNKNOWN"
        if wish.symbol not in rules.cards[wish.strategy_id].instruments:
            return "STRATEGY_INSTRUMENT"
        if wish.symbol not in rules.symbols:
            return "LIMITS_MISSING"
        if rules.currencies[wish.symbol] != rules.account_currency:
            return "CURRENCY_UNSUPPORTED"
        return "RESTRICTED" if wish.symbol in rules.restricted else ""

    def _fresh(self, wish: Wish) -> str:
        rules, mark, breaker = self._rules, self.market.mark(wish.symbol), (STALE, wish.symbol)
        if mark is None or self._is_stale(mark):
            self.breakers.fault(breaker, rules.breakers, self.now_ns)
            return "MARK_MISSING" if mark is None else "MARK_STALE"
        self.breakers.success(breaker, rules.breakers)
        if self.now_ns - wish.basis_ts_ns > rules.basis_age_ns:
            return "BASIS_STALE"
        if wish.basis_ts_ns - self.now_ns > rules.basis_ahead_ns:
            return "BASIS_AHEAD"
        if not self.market.is_open(wish.symbol, self.now_ns):
            return "SESSION_CLOSED"
        content = (wish.strategy_id, wish.symbol, wish.side, wish.target, wish.basis_source, wish.basis_seq)
        if content in self.book.wishes:
            return "DUPLICATE_CONTENT"
        self.book.wishes.add(content)
        return ""

    def _order(self, wish: Wish, mark: Mark) -> Order:
        lots = numbers.whole(wish.target, self._money(1, wish.symbol, mark))
        target = -lots if wish.side == "short" else lots
        held = self.book.held(wish.strategy_id, wish.symbol)
        return Order(target, target - held, held)

    def _money(self, lots: int, symbol: str, mark: Mark) -> Decimal:
        return numbers.product(abs(lots), mark.price, self._rules.lot_worth[symbol])

    def _shape(self, wish: Wish, order: Order, mark: Mark) -> str:
        if self._overflows(wish, order, mark):
            return "AMOUNT_OVERFLOW"
        if wish.side != "flat" and order.target_lots == 0:
            return "LOTS_ZERO"
        if order.change == 0:
            return "NO_CHANGE"
        if self.desk.state == "REDUCING" and not _is_nearer_to_flat(order):
            return "TRADING_REDUCING"
        return ""

    def _overflows(self, wish: Wish, order: Order, mark: Mark) -> bool:
        worst = self.book.worst_case(wish.symbol, order.change) if order.change else 0
        lots = max(abs(order.target_lots), abs(order.change), worst)
        amounts = [wish.target, *(self._money(each, wish.symbol, mark) for each in (order.change, worst))]
        lapses_ns = self.now_ns + self._rules.approval_ttl_ns
        return max(lots, lapses_ns) > numbers.LARGEST or any(map(numbers.is_beyond_64_bits, amounts))

    def _limits(self, wish: Wish, order: Order, mark: Mark) -> str:
        rules = self._rules
        symbol = rules.symbols[wish.symbol]
        if wish.target > rules.cards[wish.strategy_id].target_max:
            return "STRATEGY_NOTIONAL"
        if self._money(order.change, wish.symbol, mark) > symbol.order_max:
            return "ORDER_NOTIONAL"
        worst = self.book.worst_case(wish.symbol, order.change)
        if self._money(worst, wish.symbol, mark) > symbol.position_max:
            return "POSITION_NOTIONAL"
        if wish.slippage_bps > symbol.slippage_bps_max:
            return "SLIPPAGE"
        reference = self.market.reference(wish.symbol, self.now_ns - rules.collar_window_ns)
        slip = wish.slippage_bps if order.change > 0 else -wish.slippage_bps
        worst_price = numbers.product(mark.price, BPS + slip)
        distance = numbers.distance(worst_price, numbers.product(reference, BPS))
        return "PRICE_COLLAR" if distance > numbers.product(symbol.collar_bps, reference) else ""

    def _approve(self, wish: Wish, order: Order) -> Ruling:
        expires_ns = self.now_ns + self._rules.approval_ttl_ns
        self.book.open.append(
            Approval(wish.principal, wish.intent_id, wish.strategy_id, wish.symbol, order.change, expires_ns)
        )
        return Ruling("APPROVED", "", order.change, order.target_lots, expires_ns)


def _is_nearer_to_flat(order: Order) -> bool:
    if order.held == 0 or abs(order.target_lots) >= abs(order.held):
        return False
    return order.target_lots == 0 or (order.target_lots > 0) == (order.held > 0)


def _wish(principal: str, fields: dict[str, object]) -> Wish:
    target = fields["target_notional"]
    assert isinstance(target, int | float)
    return Wish(
        principal=principal,
        intent_id=str(fields["intent_id"]),
        strategy_id=str(fields["strategy_id"]),
        symbol=str(fields["symbol"]),
        side=str(fields["side"]),
        target=numbers.amount(target),
        slippage_bps=int(str(fields["max_slippage_bps"])),
        basis_source=str(fields["basis_source"]),
        basis_seq=int(str(fields["basis_seq"])),
        basis_ts_ns=int(str(fields["basis_ts_ns"])),
    )


def _address(subject: str) -> tuple[str, str] | None:
    try:
        tokens = subjects.parse_intent(subject)
    except subjects.SubjectInvalid:
        return None
    return tokens.strategy_id, tokens.symbol


def _contradiction(wish: Wish, address: tuple[str, str]) -> str:
    if (wish.strategy_id, wish.symbol) != address:
        return "SUBJECT_MISMATCH"
    is_flat, is_nothing = wish.side == "flat", wish.target == 0
    return "SIDE_CONTRADICTS" if is_flat != is_nothing else ""
