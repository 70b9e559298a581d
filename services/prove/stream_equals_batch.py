"""Proof: how a stream was cut, repeated or delayed has no say in features and bars."""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.columns import Columns, feature_columns, feature_layout, pack, packed_rows
from contracts.market import TICKS_MAX, TRADE_COLUMNS, Bar, TickBatch
from contracts.operations import DeadCause
from contracts.scalars import SECOND_NS
from services.prove.proof import Detail, ProofResult, Report, Size
from services.prove.references import REFERENCES, Trades, plain_bars
from streams.bars import BarProcessor
from streams.bars.intervals import interval_ns
from streams.features import FeatureProcessor, features_of
from streams.features.fusion import COLUMNS_BEFORE, Fused, fuse, state_size
from streams.sources.dataset import packaged_es

SUMMARY = (
    "Computes every feature and bar of made and of real trades at once, compares them with plain references "
    "(1e-9) and, bit by bit, with streams of the same trades: cut at random, with batches repeated, with "
    "late trades, and with everything after some instant poisoned."
)

PROOF = "stream-equals-batch"
SOURCE, SET, INTERVALS = "proof", "core", ("1s", "1m")
ROWS: dict[Size, int] = {"S": 20_000, "L": 500_000}
ROUNDS: dict[Size, int] = {"S": 5, "L": 8}
TOLERANCE = 1e-9
NEAR_ZERO = 1e-12


class Disproved(Exception):
    """The proof does not hold; the message is its figure."""


class Market(NamedTuple):
    """Trades to try, by name."""

    name: str
    columns: Columns

    @property
    def rows(self) -> int:
        return len(self.columns["price"])


class Tally:
    """What was tried, for the figure."""

    def __init__(self) -> None:
        self.trades = self.values = self.bars = self.chunkings = 0
        self.duplicates = self.late = self.poisonings = 0
        self.worst = 0.0
        self.without_reference: set[str] = set()

    def detail(self) -> Detail:
        numbers: Detail = dict(vars(self))
        return numbers | {"without_reference": " ".join(sorted(self.without_reference))}


def prove(size: Size, seed: int, report: Report) -> ProofResult:
    """Try it. See SUMMARY."""
    tally = Tally()
    report(f"features: {', '.join(feature.name for feature in features_of(SET))}")
    try:
        for market in markets(size, seed):
            _try(market, ROUNDS[size], np.random.default_rng(seed), tally)
            report(f"{market.name}: {market.rows:,} trades hold; worst deviation so far {tally.worst:.1e}")
    except Disproved as error:
        return ProofResult(
            proof=PROOF, size=size, seed=seed, passed=False, figure=str(error), detail=tally.detail()
        )
    figure = (
        f"{tally.values:,} values and {tally.bars:,} bars of {tally.trades:,} trades: within "
        f"{tally.worst:.1e} of their references, the same bits in {tally.chunkings} chunkings, "
        f"{tally.duplicates:,} repeated trades dropped, {tally.late:,} late ones set aside, "
        f"nothing changed by {tally.poisonings} poisoned futures"
    )
    if tally.without_reference:
        figure += f"; only bits, for want of a reference: {', '.join(sorted(tally.without_reference))}"
    return ProofResult(proof=PROOF, size=size, seed=seed, passed=True, figure=figure, detail=tally.detail())


def markets(size: Size, seed: int) -> Iterator[Market]:
    """Made markets of several kinds, and the packaged trades."""
    rows = ROWS[size]
    random = np.random.default_rng(seed)
    yield Market("made, aggressors not known", _walk(random, rows, 1_640.0, 0.25, (0,)))
    yield Market("made, some aggressors known", _walk(random, rows, 100.0, 0.01, (-1, 0, 1)))
    yield Market("made, wide steps and sizes of 0", _walk(random, rows, 30_000.0, 40.0, (0, 1), size_min=0))
    yield Market("real E-mini trades", _real(rows))


def _walk(
    random: np.random.Generator,
    rows: int,
    price: float,
    tick: float,
    aggressors: Sequence[int],
    *,
    size_min: int = 1,
) -> Columns:
    """A walk that stays above one tick, with bursts in which trades share an instant."""
    steps = tick * np.cumsum(random.choice([-2, -1, 0, 0, 0, 0, 0, 1, 2], rows))
    pauses = random.choice([0, 0, 0, 1, 20, 900], rows) * (SECOND_NS // 1_000)
    sizes = random.integers(size_min, 40, rows)
    sizes[rows // 2 : rows // 2 + 1_000] = size_min
    return {
        "ts_event_ns": 1_378_073_000 * SECOND_NS + np.cumsum(pauses),
        "price": np.abs(price + steps) + tick,
        "size": sizes.astype(np.float64),
        "aggressor": random.choice(np.array(aggressors, dtype=np.int8), rows),
    }


def _real(rows: int) -> Columns:
    parts: list[Columns] = []
    for stretch in packaged_es().batches():
        parts.append(stretch.columns)
        if sum(len(part["price"]) for part in parts) >= rows:
            break
    return {name: np.concatenate([part[name] for part in parts])[:rows] for name, _ in TRADE_COLUMNS}


def _try(market: Market, rounds: int, random: np.random.Generator, tally: Tally) -> None:
    whole = at_once(market.columns)
    _compare_with_references(market, whole, tally)
    _, bars, _ = stream([batch(market.columns, *ends) for ends in pairwise(_ends(market.rows, TICKS_MAX))])
    wanted = reference_bars(market.columns, np.arange(1, market.rows + 1))
    _demand(_same_bars(bars, wanted), market, "a bar is not that of its trades")
    for _ in range(rounds):
        streamed, made, _ = stream(cut(market.columns, random))
        _demand(_bits(streamed) == _bits(whole), market, "a chunking changed a row")
        _demand(made == bars, market, "a chunking changed a bar")
        _try_repeated(market, whole, bars, random, tally)
        _try_late(market, random, tally)
        _try_poison(market, whole, random, tally)
        tally.chunkings += 4
    tally.trades += market.rows
    tally.values += market.rows * len(features_of(SET))
    tally.bars += len(bars)


def reference_bars(columns: Columns, seqs: NDArray[np.int64]) -> list[Bar]:
    return [
        bar
        for interval in INTERVALS
        for bar in plain_bars(
            columns, seqs, source=SOURCE, interval=interval, length_ns=interval_ns(interval)
        )
    ]


def _compare_with_references(market: Market, whole: Columns, tally: Tally) -> None:
    trades = Trades(*(market.columns[name].astype(np.float64) for name in ("price", "size", "aggressor")))
    for bit, feature in enumerate(features_of(SET)):
        reference = REFERENCES.get(feature.name)
        if reference is None:
            tally.without_reference.add(feature.name)
            continue
        valid = (whole["valid"].astype(np.uint64) >> np.uint64(bit)) & np.uint64(1)
        warm = np.arange(market.rows) >= feature.warm_up
        _demand(
            bool((valid == warm).all()), market, f"{feature.name} is valid elsewhere than after its warm-up"
        )
        found, wanted = whole[feature.name].astype(np.float64)[warm], reference(trades)[warm]
        error = np.abs(found - wanted)
        bound = TOLERANCE * np.abs(wanted) + NEAR_ZERO
        row = int(np.argmax(error - bound))
        place = f"{feature.name} at trade {row + feature.warm_up + 1}"
        what = f"{place} is {found[row]!r}, its reference {wanted[row]!r}"
        _demand(bool((error <= bound).all()), market, what)
        scale = np.maximum(np.abs(wanted), NEAR_ZERO / TOLERANCE)
        tally.worst = max(tally.worst, float(np.max(error / scale, initial=0.0)))


def _try_repeated(
    market: Market, whole: Columns, bars: list[Bar], random: np.random.Generator, tally: Tally
) -> None:
    """Batches come again, whole and in part; each trade counts once."""
    parts: list[TickBatch] = []
    for part in cut(market.columns, random):
        parts.append(part)
        if random.random() < 0.3:
            parts.append(parts[int(random.integers(len(parts)))])
        if random.random() < 0.3:
            first = max(1, part.first_seq - int(random.integers(1, 100)))
            stop = min(part.first_seq + part.count - 1, first + TICKS_MAX - 1)
            parts.append(batch(market.columns, first - 1, stop))
    streamed, made, processor = stream(parts)
    _demand(_bits(streamed) == _bits(whole), market, "a repeated batch changed a row")
    _demand(made == bars, market, "a repeated batch changed a bar")
    planted = sum(part.count for part in parts) - market.rows
    found = processor.statistics().duplicates
    _demand(found == planted, market, f"{found} repeated trades were counted, {planted} sent")
    tally.duplicates += planted


def _try_late(market: Market, random: np.random.Generator, tally: Tally) -> None:
    """Trades whose time goes back are set aside; the others give what they give without them."""
    late = np.zeros(market.rows, dtype=np.bool_)
    late[random.integers(1, market.rows, size=max(1, market.rows // 500))] = True
    times = market.columns["ts_event_ns"]
    dirty = market.columns | {"ts_event_ns": np.where(late, times[0] - 1, times)}
    streamed, made, processor = stream(cut(dirty, random))
    rest = {name: column[~late] for name, column in market.columns.items()}
    seqs = np.flatnonzero(~late) + 1
    wanted = at_once(rest) | {"seq": seqs.astype(np.int64)}
    _demand(_bits(streamed) == _bits(wanted), market, "a late trade changed a row")
    _demand(_same_bars(made, reference_bars(rest, seqs)), market, "a late trade changed a bar")
    aside = processor.take_aside()
    is_named = all(row.cause is DeadCause.TIME_WENT_BACK for row in aside)
    planted = (np.flatnonzero(late) + 1).tolist()
    _demand(
        is_named and [row.seq for row in aside] == planted, market, "a late trade was not set aside by name"
    )
    tally.late += len(planted)


def _try_poison(market: Market, whole: Columns, random: np.random.Generator, tally: Tally) -> None:
    """Everything after some trade is replaced; up to it nothing may change."""
    row = int(random.integers(1, market.rows))
    poisoned = {name: column.copy() for name, column in market.columns.items()}
    poisoned["price"][row:] = random.choice([1e-3, 3.0, 1e4]) * market.columns["price"][row:].astype(
        np.float64
    )
    poisoned["size"][row:] = random.choice([0.0, 1e9])
    poisoned["aggressor"][row:] = random.choice([-1, 0, 1])
    later = market.columns["ts_event_ns"][row:].astype(np.int64) + int(random.integers(0, 10**15))
    poisoned["ts_event_ns"][row:] = later
    streamed, made, _ = stream(cut(poisoned, random))
    head = {name: column[:row] for name, column in streamed.items()}
    past = {name: column[:row] for name, column in whole.items()}
    _demand(_bits(head) == _bits(past), market, f"a future after trade {row} changed a row before it")
    past_columns = {name: column[:row] for name, column in market.columns.items()}
    closed = reference_bars(past_columns, np.arange(1, row + 1))
    places = {_place(bar) for bar in closed}
    early = [bar for bar in made if _place(bar) in places]
    _demand(_same_bars(early, closed), market, f"a future after trade {row} changed a bar closed before it")
    tally.poisonings += 1


def _demand(holds: bool, market: Market, otherwise: str) -> None:  # noqa: FBT001  # the claim is what it is about
    if not holds:
        raise Disproved(f"{market.name}: {otherwise}")


def at_once(columns: Columns) -> Columns:
    """The feature columns of all trades from one call of the kernels."""
    features = features_of(SET)
    rows = len(columns["price"])
    out = np.empty((COLUMNS_BEFORE + len(features)) * rows)
    packed = np.frombuffer(pack(TRADE_COLUMNS, columns), dtype=np.uint8)
    _fused()(packed, 1, np.zeros(state_size(features)), out)
    layout = feature_layout([feature.name for feature in features])
    blocks = out.reshape(len(layout), rows)
    return {name: block.view(kind) for (name, kind), block in zip(layout, blocks, strict=True)}


def stream(parts: Sequence[TickBatch]) -> tuple[Columns, list[Bar], FeatureProcessor]:
    """The feature columns and bars of batches as they come, and the processor that made the former."""
    features, bars = FeatureProcessor(SET), BarProcessor(INTERVALS)
    blocks: list[Columns] = []
    made: list[Bar] = []
    for part in parts:
        rows = features.process(part)
        if rows is not None:
            blocks.append(feature_columns(rows))
        made += bars.process(part)
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return joined, made, features


def cut(columns: Columns, random: np.random.Generator) -> list[TickBatch]:
    """The trades in batches of random lengths: mostly small ones, now and then the largest."""
    rows, ends = len(columns["price"]), [0]
    while ends[-1] < rows:
        longest = int(random.choice([1, 5, 64, 700, TICKS_MAX]))
        ends.append(min(rows, ends[-1] + int(random.integers(1, longest + 1))))
    return [batch(columns, start, stop) for start, stop in pairwise(ends)]


def _ends(rows: int, step: int) -> list[int]:
    return [*range(0, rows, step), rows]


def batch(columns: Columns, start: int, stop: int) -> TickBatch:
    """Rows ``[start, stop)`` as the feed would send them."""
    return TickBatch(
        source=SOURCE,
        venue="SIM",
        symbol="SYNTH",
        kind="trade",
        first_seq=start + 1,
        count=stop - start,
        ts_recv_ns=0,
        columns=pack(TRADE_COLUMNS, {name: column[start:stop] for name, column in columns.items()}),
    )


@cache
def _fused() -> Fused:
    return fuse(features_of(SET), SET)


def _bits(columns: Columns) -> bytes:
    return packed_rows(feature_layout([feature.name for feature in features_of(SET)]), columns)


def _same_bars(found: Sequence[Bar], wanted: Sequence[Bar]) -> bool:
    """Equal bars in any order of the intervals; sums were added in another order, so 1e-9 for those."""
    if len(found) != len(wanted):
        return False
    exact = [name for name in Bar.__struct_fields__ if name not in {"volume", "vwap"}]
    pairs = zip(sorted(found, key=_place), sorted(wanted, key=_place), strict=True)
    return all(
        all(getattr(one, name) == getattr(other, name) for name in exact)
        and math.isclose(one.volume, other.volume, rel_tol=TOLERANCE)
        and math.isclose(one.vwap, other.vwap, rel_tol=TOLERANCE)
        for one, other in pairs
    )


def _place(bar: Bar) -> tuple[str, int]:
    return bar.interval, bar.ts_open_ns
