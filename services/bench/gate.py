"""Gate: decode, decide and hash chain of intents in one process, and through the fsynced bus.

The stream of case ``core`` is what a desk of rule strategies sends under the limits that ship: most
wishes restate a target, some change it, a few are repeated, forbidden, careless or unreadable.
"""

import gc
import random
import statistics
import time
from collections import deque
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, localcontext
from importlib.resources import files
from typing import Any

import msgspec

from contracts.codec import encode
from contracts.gate import GateRecord, MarkChange, RecordKind, SessionChange
from contracts.identity import intent_id
from contracts.intents import Intent, IntentDraft
from contracts.limits import GateConfig
from contracts.scalars import MILLISECOND_NS, SECOND_NS
from contracts.subjects import intent_proposed, parse_intent
from contracts.verdicts import DenyCode
from risk.gate import Gate, shown_intent_id
from risk.gate.limits_file import parse_cards, parse_instruments, parse_limits
from services.bench.gate_synced import synced
from services.bench.quantiles import quantiles_ms
from services.bench.result import BenchResult, Case

INTENTS = 10_000
SEED = 20_130_901
START_NS = 1_378_000_000 * SECOND_NS
STEP_NS = 50 * MILLISECOND_NS
SLIPPAGES_BPS = (5, 10, 25)

Answer = tuple[DenyCode | None, int]
"""Why it was denied, else None, and the approved lots."""


def core(runs: int) -> BenchResult:
    """One intent with its mark change a record: into a verdict, its checks and the next link."""
    records = stream(INTENTS)
    expected = [answer for answer, _ in _timed_plain(records)]
    if [answer for answer, _ in _timed(records)] != expected:
        raise AssertionError("the gate and the plain loop answer differently")
    rates, plain_rates, durations_s = [], [], []
    for _ in range(runs):
        taken_s = [seconds for _, seconds in _timed(records)]
        plain_s = [seconds for _, seconds in _timed_plain(records)]
        rates.append(INTENTS / sum(taken_s))
        plain_rates.append(INTENTS / sum(plain_s))
        durations_s += taken_s
    value, reference = statistics.median(rates), statistics.median(plain_rates)
    return BenchResult(
        bench="gate",
        case="core",
        value=value,
        unit="intents/s",
        reference="a plain loop over dicts and Decimals, without checks to show and without a chain",
        reference_value=reference,
        ratio=value / reference,
        runs=runs,
        detail=quantiles_ms(durations_s)
        | {"intents": INTENTS, "approved": sum(code is None for code, _ in expected)},
    )


def shipped_config() -> GateConfig:
    """The configuration that a new run starts with."""
    folder = files("services.kit") / "defaults"

    def read(name: str) -> bytes:
        return (folder / name).read_bytes()

    return GateConfig(
        limits=parse_limits(read("limits.json"), "limits.json"),
        instruments=tuple(parse_instruments(read("instruments.json"), "instruments.json")),
        cards=tuple(parse_cards(read("cards.json"), "cards.json")),
    )


def stream(count: int) -> list[GateRecord]:
    """The configuration, and ``count`` intents of a made desk in event time; the same at every call."""
    desk = random.Random(SEED)  # noqa: S311  # a made desk, not a secret
    sessions = tuple(SessionChange(symbol, 0, 2**62) for symbol in ("ES", "SYNTH"))
    body = encode(shipped_config())
    records = [GateRecord(seq=1, kind=RecordKind.CONFIG, gate_ts_ns=START_NS, body=body, sessions=sessions)]
    price, targets = 1_640_000_000, {"trend": 0.0, "mean_revert": 0.0}
    last: Intent | None = None
    for number in range(1, count + 1):
        now_ns = START_NS + number * STEP_NS
        price += desk.choice((-250_000, 0, 250_000))
        intent = _intent(desk, number, now_ns, targets, last)
        last = intent
        is_unreadable = desk.random() < 0.02
        records.append(
            GateRecord(
                seq=number + 1,
                kind=RecordKind.INTENT,
                gate_ts_ns=now_ns,
                body=encode(intent) if not is_unreadable else encode(intent)[:-1],
                subject=intent_proposed(intent.strategy_id, intent.symbol),
                principal="drill" if is_unreadable else "predict",
                stream="INTENTS_PREDICT",
                stream_seq=number,
                incarnation="2013-09-01T00:00:00Z",
                marks=(MarkChange("ES", price, now_ns, "es", number),),
            )
        )
    return records


def _intent(
    desk: random.Random, number: int, now_ns: int, targets: dict[str, float], last: Intent | None
) -> Intent:
    strategy_id, kind = desk.choice(("trend", "mean_revert")), desk.random()
    if last is not None and kind < 0.05:  # the same wish on the same row, under another identity
        return msgspec.structs.replace(last, intent_id=f"{number:032x}")
    if kind < 0.35:
        targets[strategy_id] = desk.choice((-1, 1)) * desk.uniform(60_000.0, 400_000.0)
    target = targets[strategy_id]
    draft = IntentDraft(
        symbol="SYNTH" if kind > 0.97 else "ES",
        side="flat" if target == 0 else "long" if target > 0 else "short",
        target_notional=abs(target),
        urgency="low",
        max_slippage_bps=100 if kind > 0.94 else desk.choice(SLIPPAGES_BPS),
        explain="",
    )
    return Intent(
        **msgspec.structs.asdict(draft),
        intent_id=intent_id(strategy_id, "es", number, draft),
        strategy_id=strategy_id,
        ts_event_ns=now_ns,
        basis_source="es",
        basis_seq=number,
        basis_ts_ns=now_ns - desk.randrange(SECOND_NS),
        ts_recv_ns=now_ns,
    )


def _timed(records: list[GateRecord]) -> list[tuple[Answer, float]]:
    """Each intent's answer, and the seconds that it took."""
    gate, results = Gate(), []
    gate.decide(records[0])
    gc.collect()
    for record in records[1:]:
        start_s = time.perf_counter()
        verdict = gate.decide(record).verdict
        took_s = time.perf_counter() - start_s
        answer = (DenyCode.INPUT_INVALID, 0) if verdict is None else (verdict.code, verdict.lots)
        results.append((answer, took_s))
    return results


def _timed_plain(records: list[GateRecord]) -> list[tuple[Answer, float]]:
    results = []
    with localcontext() as context:
        context.prec = 60  # no product of ours is rounded
        gate = PlainGate(shipped_config())
        gc.collect()
        for record in records[1:]:
            start_s = time.perf_counter()
            answer = gate.decide(record)
            results.append((answer, time.perf_counter() - start_s))
    return results


class PlainGate:
    """The loop that one would write first: dicts, Decimals, a sum over the window at each intent.

    It gives the same answers on this stream, where operators are silent, nothing fills and the
    market never stalls. It keeps no evidence and no chain.
    """

    def __init__(self, config: GateConfig) -> None:
        self.limits = config.limits
        self.instruments = {one.symbol: one for one in config.instruments}
        self.cards = {card.strategy_id: card for card in config.cards}
        self.known: set[tuple[str, str]] = set()
        self.wishes: set[tuple[Any, ...]] = set()  # a wish is a tuple of unlike things
        self.marks: dict[str, deque[tuple[int, Decimal]]] = {}
        self.approvals: list[tuple[int, str, str, int]] = []
        self.faults: dict[str, list[int]] = {}
        self.opened: dict[str, int] = {}

    def decide(self, record: GateRecord) -> Answer:
        """Answer one intent record."""
        now_ns, limits = record.gate_ts_ns, self.limits
        for mark in record.marks:
            self.marks.setdefault(mark.symbol, deque()).append(
                (mark.ts_event_ns, Decimal(mark.price_micro) / 1_000_000)
            )
        for marks in self.marks.values():
            while len(marks) > 1 and marks[0][0] <= now_ns - limits.collar_window_ms * MILLISECOND_NS:
                marks.popleft()
        self.approvals = [approval for approval in self.approvals if approval[0] > now_ns]
        try:
            intent = msgspec.msgpack.decode(record.body, type=Intent)
        except msgspec.MsgspecError:
            return self._unreadable(record)
        self.known.add((record.principal, intent.intent_id))
        code, lots = self._judge(record, intent)
        if code is None:
            expires_ns = now_ns + limits.approval_ttl_ms * MILLISECOND_NS
            self.approvals.append((expires_ns, intent.strategy_id, intent.symbol, lots))
        return code, lots

    def _unreadable(self, record: GateRecord) -> Answer:
        shown = shown_intent_id(record.body)
        if shown is not None:
            self.known.add((record.principal, shown))
        return DenyCode.INPUT_INVALID, 0

    def _judge(self, record: GateRecord, intent: Intent) -> Answer:  # noqa: C901, PLR0912  # a plain loop is one function
        now_ns, limits, symbol = record.gate_ts_ns, self.limits, intent.symbol
        target = Decimal(intent.target_notional).quantize(Decimal("1e-6"), ROUND_HALF_EVEN)
        if tuple(parse_intent(record.subject)) != (intent.strategy_id, symbol):
            return DenyCode.SUBJECT_MISMATCH, 0
        if (intent.side == "flat") != (target == 0):
            return DenyCode.SIDE_CONTRADICTS, 0
        card, instrument = self.cards.get(intent.strategy_id), self.instruments.get(symbol)
        if card is None:
            return DenyCode.STRATEGY_UNKNOWN, 0
        if instrument is None:
            return DenyCode.INSTRUMENT_UNKNOWN, 0
        if symbol not in card.instruments:
            return DenyCode.STRATEGY_INSTRUMENT, 0
        bounds = limits.per_symbol.get(symbol)
        if bounds is None:
            return DenyCode.LIMITS_MISSING, 0
        if instrument.currency != limits.account_currency:
            return DenyCode.CURRENCY_UNSUPPORTED, 0
        if symbol in limits.restricted:
            return DenyCode.RESTRICTED, 0
        marks = self.marks.get(symbol)
        if not marks:
            return DenyCode.MARK_MISSING, 0
        mark_ns, mark = marks[-1]
        if now_ns - mark_ns > limits.mark_age_ms_max * MILLISECOND_NS:
            return DenyCode.MARK_STALE, 0
        if now_ns - intent.basis_ts_ns > limits.basis_age_ms_max * MILLISECOND_NS:
            return DenyCode.BASIS_STALE, 0
        if intent.basis_ts_ns - now_ns > limits.basis_ahead_ms_max * MILLISECOND_NS:
            return DenyCode.BASIS_AHEAD, 0
        wish = (intent.strategy_id, symbol, intent.side, target, intent.basis_source, intent.basis_seq)
        if wish in self.wishes:
            return DenyCode.DUPLICATE_CONTENT, 0
        self.wishes.add(wish)
        worth = mark * Decimal(instrument.multiplier) * Decimal(instrument.lot_size)
        size = int(target // worth)
        if size == 0 and intent.side != "flat":
            return DenyCode.LOTS_ZERO, 0
        wanted = -size if intent.side == "short" else size
        mine = (intent.strategy_id, symbol)
        change = wanted - sum(lots for _, *whose, lots in self.approvals if tuple(whose) == mine)
        if change == 0:
            return DenyCode.NO_CHANGE, 0
        side = 1 if change > 0 else -1
        worst = change + sum(
            lots for _, _, where, lots in self.approvals if where == symbol and lots * side > 0
        )
        if target > Decimal(card.target_notional_max):
            return DenyCode.STRATEGY_NOTIONAL, 0
        if _money(change, worth) > Decimal(bounds.order_notional_max):
            return DenyCode.ORDER_NOTIONAL, 0
        if _money(worst, worth) > Decimal(bounds.position_notional_max):
            return DenyCode.POSITION_NOTIONAL, 0
        if intent.max_slippage_bps > bounds.slippage_bps_max:
            return DenyCode.SLIPPAGE, 0
        mean = sum((price for _, price in marks), Decimal(0)) / len(marks)
        reference = mean.quantize(Decimal("1e-6"), ROUND_HALF_EVEN)
        price = mark * (10_000 + side * intent.max_slippage_bps) / 10_000
        if abs(price - reference) * 10_000 / reference > bounds.collar_bps:
            return DenyCode.PRICE_COLLAR, 0
        return None, change


def _money(lots: int, worth: Decimal) -> Decimal:
    return (abs(lots) * worth).quantize(Decimal("1e-6"), ROUND_CEILING)


CASES: dict[str, Case] = {"core": core, "synced": synced}
