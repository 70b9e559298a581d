"""Gate: decode, decide and hash chain of intents in one process, and through the fsynced bus.

The stream of case ``core`` is what a desk of rule strategies sends under the configuration that ships:
two instruments of which one is restricted, wishes that restate a target or change it, and a few that
are repeated, careless or unreadable.
"""

import gc
import hashlib
import json
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
SYNTHETIC_SHARE = 0.4
"""Of the wishes: the desk trades the future and, beside it, the restricted synthetic instrument."""


MICRO = Decimal("1e-6")
SILENT = (
    DenyCode.KILLED,
    DenyCode.TRADING_HALTED,
    DenyCode.BREAKER_INVALID_INPUT,
    DenyCode.BREAKER_STALE_MARKET,
)
"""Checks that no intent of the stream fails, since only operators or a silent market can make it."""

Answer = tuple[DenyCode | None, int, int]
"""Why it was denied, else None; the approved lots; and how many comparisons were made."""

Plain = dict[str, Any]  # what JSON takes


def core(runs: int) -> BenchResult:
    """One intent with its mark change a record: into a verdict, its checks and the next link."""
    records = stream(INTENTS)
    expected, _ = _plain(records)
    answers, _ = _decided(records)
    if answers != expected:
        raise AssertionError("the gate and the plain loop answer differently")
    rates, plain_rates, durations_s = [], [], []
    gc.collect()
    gc.freeze()  # a gate does not have ten thousand records at hand for the collector to walk over
    try:
        for _ in range(runs):
            taken_s, plain_s = _decided(records)[1], _plain(records)[1]
            rates.append(INTENTS / sum(taken_s))
            plain_rates.append(INTENTS / sum(plain_s))
            durations_s += taken_s
    finally:
        gc.unfreeze()
    value, reference = statistics.median(rates), statistics.median(plain_rates)
    return BenchResult(
        bench="gate",
        case="core",
        value=value,
        unit="intents/s",
        reference="a plain loop over dicts, Decimals and JSON with the same answers and checks, and a chain",
        reference_value=reference,
        ratio=value / reference,
        runs=runs,
        detail=quantiles_ms(durations_s)
        | {"intents": INTENTS, "approved": sum(code is None for code, _, _ in expected)},
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
        is_unreadable = number % 1_000 == 0  # three of them within a minute would open the breaker
        now_ns = START_NS + number * STEP_NS
        price += desk.choice((-250_000, 0, 250_000))
        intent = _intent(desk, number, now_ns, targets, last)
        last = intent
        records.append(
            GateRecord(
                seq=number + 1,
                kind=RecordKind.INTENT,
                gate_ts_ns=now_ns,
                body=encode(msgspec.structs.replace(intent, side="up") if is_unreadable else intent),
                subject=intent_proposed(intent.strategy_id, intent.symbol),
                principal="predict",
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
        targets[strategy_id] = desk.choice((-1, 1)) * desk.uniform(60_000.0, 250_000.0)
    target = targets[strategy_id]
    draft = IntentDraft(
        symbol="SYNTH" if desk.random() < SYNTHETIC_SHARE else "ES",
        side="flat" if target == 0 else "long" if target > 0 else "short",
        target_notional=abs(target),
        urgency="low",
        max_slippage_bps=100 if kind > 0.97 else desk.choice(SLIPPAGES_BPS),
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


def _decided(records: list[GateRecord]) -> tuple[list[Answer], list[float]]:
    """Each intent's answer, and the seconds that it took."""
    gate, answers, taken_s = Gate(), [], []
    gate.decide(records[0])
    for record in records[1:]:
        start_s = time.perf_counter()
        verdict = gate.decide(record).verdict
        taken_s.append(time.perf_counter() - start_s)
        if verdict is None:
            raise AssertionError("every intent of the stream shows an identity")
        answers.append((verdict.code, verdict.lots, len(verdict.checks)))
    return answers, taken_s


def _plain(records: list[GateRecord]) -> tuple[list[Answer], list[float]]:
    answers, taken_s = [], []
    with localcontext() as context:
        context.prec = 60  # no product of ours is rounded
        gate = PlainGate(shipped_config())
        for record in records[1:]:
            start_s = time.perf_counter()
            verdict = gate.decide(record)
            taken_s.append(time.perf_counter() - start_s)
            answers.append((verdict["code"], verdict["lots"], len(verdict["checks"])))
    return answers, taken_s


class PlainGate:
    """The loop that one would write first: dicts, Decimals, JSON, a sum over the window at each intent.

    It gives the same answers on this stream, where operators are silent, nothing fills, the market
    never stalls and no breaker opens, so those comparisons are made against constants.
    """

    def __init__(self, config: GateConfig) -> None:
        self.limits = config.limits
        self.instruments = {one.symbol: one for one in config.instruments}
        self.cards = {card.strategy_id: card for card in config.cards}
        self.known: dict[tuple[str, str], int] = {}
        self.wishes: set[tuple[Any, ...]] = set()  # a wish is a tuple of unlike things
        self.marks: dict[str, deque[tuple[int, Decimal]]] = {}
        self.approvals: list[tuple[int, str, str, int]] = []
        self.chain = ""

    def decide(self, record: GateRecord) -> Plain:
        """Answer one intent record."""
        now_ns, limits = record.gate_ts_ns, self.limits
        for mark in record.marks:
            marks = self.marks.setdefault(mark.symbol, deque())
            marks.append((mark.ts_event_ns, Decimal(mark.price_micro) / 1_000_000))
            while len(marks) > 1 and marks[0][0] <= now_ns - limits.collar_window_ms * MILLISECOND_NS:
                marks.popleft()
        self.approvals = [approval for approval in self.approvals if approval[0] > now_ns]
        checks: list[Plain] = []
        try:
            intent = msgspec.msgpack.decode(record.body, type=Intent)
        except msgspec.MsgspecError:
            self.known[record.principal, shown_intent_id(record.body) or ""] = record.seq
            lots, seen = 0, {}
            checks.append({"code": DenyCode.INPUT_INVALID, "found": 1, "allowed": 0})
        else:
            self.known[record.principal, intent.intent_id] = record.seq
            lots, seen = self._judge(record, intent, checks), msgspec.structs.asdict(intent)
            if lots:
                expires_ns = now_ns + limits.approval_ttl_ms * MILLISECOND_NS
                self.approvals.append((expires_ns, intent.strategy_id, intent.symbol, lots))
        code = None if lots else checks[-1]["code"]
        verdict = {"seq": record.seq, "code": code, "lots": lots, "checks": checks}
        text = json.dumps([self.chain, record.gate_ts_ns, record.marks, seen, verdict], default=str)
        self.chain = hashlib.blake2b(text.encode()).hexdigest()
        return verdict | {"chain": self.chain}

    def _judge(self, record: GateRecord, intent: Intent, checks: list[Plain]) -> int:
        """The approved lots, or 0 after the check that denies."""
        limits, symbol = self.limits, intent.symbol

        def denies(code: DenyCode, found: Decimal | int, allowed: Decimal | float = 0) -> bool:
            checks.append({"code": code, "found": found, "allowed": allowed})
            return found > allowed

        target = Decimal(intent.target_notional).quantize(MICRO, ROUND_HALF_EVEN)
        card, instrument = self.cards.get(intent.strategy_id), self.instruments.get(symbol)
        bounds, marks = limits.per_symbol.get(symbol), self.marks.get(symbol)
        if (
            denies(DenyCode.INPUT_INVALID, 0)
            or denies(
                DenyCode.SUBJECT_MISMATCH,
                tuple(parse_intent(record.subject)) != (intent.strategy_id, symbol),
            )
            or denies(DenyCode.SIDE_CONTRADICTS, (intent.side == "flat") != (target == 0))
            or denies(DenyCode.AUDIT_UNAVAILABLE, not record.is_audit_ok)
            or any(denies(code, 0) for code in SILENT)
            or denies(DenyCode.STRATEGY_UNKNOWN, card is None)
            or denies(DenyCode.INSTRUMENT_UNKNOWN, instrument is None)
            or card is None
            or instrument is None
            or denies(DenyCode.STRATEGY_INSTRUMENT, symbol not in card.instruments)
            or denies(DenyCode.LIMITS_MISSING, bounds is None)
            or bounds is None
            or denies(DenyCode.CURRENCY_UNSUPPORTED, instrument.currency != limits.account_currency)
            or denies(DenyCode.RESTRICTED, symbol in limits.restricted)
            or denies(DenyCode.MARK_MISSING, not marks)
            or not marks
        ):
            return 0
        mark_ns, mark = marks[-1]
        age_ns = record.gate_ts_ns - intent.basis_ts_ns
        wish = (intent.strategy_id, symbol, intent.side, target, intent.basis_source, intent.basis_seq)
        if (
            denies(DenyCode.MARK_STALE, record.gate_ts_ns - mark_ns, limits.mark_age_ms_max * MILLISECOND_NS)
            or denies(DenyCode.BASIS_STALE, age_ns, limits.basis_age_ms_max * MILLISECOND_NS)
            or denies(DenyCode.BASIS_AHEAD, -age_ns, limits.basis_ahead_ms_max * MILLISECOND_NS)
            or denies(DenyCode.SESSION_CLOSED, 0)
            or denies(DenyCode.DUPLICATE_CONTENT, wish in self.wishes)
        ):
            return 0
        self.wishes.add(wish)
        worth = mark * Decimal(instrument.multiplier) * Decimal(instrument.lot_size)
        size = int(target // worth)
        mine = [
            lots for _, who, where, lots in self.approvals if (who, where) == (intent.strategy_id, symbol)
        ]
        change = (-size if intent.side == "short" else size) - sum(mine)
        side = 1 if change > 0 else -1
        open_lots = [lots for _, _, where, lots in self.approvals if where == symbol and lots * side > 0]
        reference = (sum((price for _, price in marks), Decimal(0)) / len(marks)).quantize(
            MICRO, ROUND_HALF_EVEN
        )
        price = mark * (10_000 + side * intent.max_slippage_bps) / 10_000
        distance = (abs(price - reference) * 10_000 / reference).to_integral_value(ROUND_CEILING)
        is_denied = (
            denies(DenyCode.AMOUNT_OVERFLOW, 0)
            or denies(DenyCode.LOTS_ZERO, size == 0 and intent.side != "flat")
            or denies(DenyCode.NO_CHANGE, change == 0)
            or denies(DenyCode.TRADING_REDUCING, 0)
            or denies(DenyCode.STRATEGY_NOTIONAL, target, card.target_notional_max)
            or denies(DenyCode.ORDER_NOTIONAL, _money(change, worth), bounds.order_notional_max)
            or denies(
                DenyCode.POSITION_NOTIONAL,
                _money(change + sum(open_lots), worth),
                bounds.position_notional_max,
            )
            or denies(DenyCode.SLIPPAGE, intent.max_slippage_bps, bounds.slippage_bps_max)
            or denies(DenyCode.PRICE_COLLAR, distance, bounds.collar_bps)
        )
        return 0 if is_denied else change


def _money(lots: int, worth: Decimal) -> Decimal:
    return (abs(lots) * worth).quantize(Decimal("1e-6"), ROUND_CEILING)


CASES: dict[str, Case] = {"core": core, "synced": synced}
