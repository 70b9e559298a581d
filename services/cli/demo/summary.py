"""The demo's summary: every figure is queried from the journal, none was counted meanwhile."""

from collections.abc import Iterator
from typing import Any

from services.cli.demo.recorded import recorded_hash
from services.cli.program import program_on
from services.cli.standing import gate_of
from services.kit.layout import Home, Run
from streams.journal.reader import Journal

COUNTS = """
select (select count(*) from trades where venue <> 'SIM'), (select count(*) from trades where venue = 'SIM'),
       (select count(*) from features), (select count(*) from bars), (select count(*) from intents),
       (select count(*) from verdicts)
"""
VERDICTS = """
select outcome, coalesce(code, ''), count(*) from verdicts group by all order by count(*) desc, 2
"""
APPROVED = """
select strategy_id, symbol, count(*), sum(abs(lots)) from verdicts where outcome = 'APPROVED'
group by all order by all
"""
TRIPS = """
select name, key, previous, state, cause, faults, gate_seq from breakers where state = 'OPEN'
order by gate_seq
"""
LATENCY = """
select quantile_cont((ts_store_ns - basis_recv_ns) / 1e6, [0.5, 0.99]), count(*) from verdicts
where basis_recv_ns > 0
"""
DEAD = "select origin, cause, count(*), sum(count) from dead_letters group by all order by all"

QUESTIONS = (
    "select symbol, code, count(*) from verdicts group by all order by 3 desc",
    "select * from checks where not passed limit 10",
)

Row = tuple[Any, ...]  # whatever types the query's columns have


def summary_lines(home: Home, run: Run, *, took_s: float, is_whole: bool) -> Iterator[str]:
    """What the run's journal says, for people. The stack is down by now."""
    with Journal(run.directory) as journal:
        yield ""
        yield f"From the journal of run {run.run_id}{'' if is_whole else ' (interrupted)'}:"
        yield from _figures(journal)
    gate = gate_of(run)
    yield f"  replay hash    {recorded_hash(run)}"
    yield f"  gate chain     {gate.chain} at sequence {gate.seq}"
    yield f"  journal        {run.journal}"
    yield f"  took           {took_s:.0f} s"
    yield ""
    yield from next_commands(home, run)


def _figures(journal: Journal) -> Iterator[str]:
    real, synthetic, features, bars, intents, verdicts = _rows(journal, COUNTS)[0]
    yield f"  ticks          {real:,} real, {synthetic:,} synthetic"
    yield f"  features       {features:,} rows; {bars:,} bars"
    yield f"  intents        {intents:,}"
    yield f"  verdicts       {verdicts:,}"
    for outcome, code, count in _rows(journal, VERDICTS):
        yield f"    {f'{outcome} {code}'.strip():<30} {count:>7,}"
    for strategy, symbol, count, lots in _rows(journal, APPROVED):
        yield f"  approved lots  {lots:,} in {count:,} verdicts of {strategy} in {symbol}"
    trips = _rows(journal, TRIPS)
    if not trips:
        yield "  breakers       none opened"
    for name, key, previous, state, cause, faults, seq in trips:
        move = f"{previous} -> {state} ({cause}, {faults} faults)"
        yield f"  breaker        {name} of {key}: {move} at sequence {seq}"
    for origin, cause, letters, rows in _rows(journal, DEAD):
        yield f"  dead letters   {letters:,} of {origin} for {rows:,} rows or messages: {cause}"
    latency, measured = _rows(journal, LATENCY)[0]
    if measured:
        p50_ms, p99_ms = latency
        yield f"  latency        p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms from feed flush to stored verdict"


def next_commands(home: Home, run: Run) -> Iterator[str]:
    """What to try next, ready to be pasted."""
    penstock = program_on(home)
    yield "Next:"
    yield f"  {penstock} replay {run.run_id} --verify"
    for question in QUESTIONS:
        yield f'  {penstock} query "{question}"'
    yield f"  {penstock} up --new-run"
    yield f"  {penstock} feed --from 2013-09-03T10:20 --speed 20     in another window, and in a third:"
    yield f"  {penstock} watch"


def _rows(journal: Journal, sql: str) -> list[Row]:
    return journal.sql(sql).fetchall()
