"""Replay: ticks a second through the whole chain, from recorded Parquet to recorded Parquet.

The reference reads the same columns of the same files and does nothing with them but check their
rows, so the ratio says how much of a scan's speed the chain keeps.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow.parquet as pq

from services.bench.result import BenchResult, Case
from services.kit.layout import Run
from services.replay.inputs import MARKET, write_inputs
from services.replay.recompute import Options, Recomputed, recompute
from services.replay.rehearsal import Rehearsal
from services.replay.scene import play
from streams.journal.rows import journal_files

Found = TypeVar("Found")

STEPS, TRADES_A_STEP = 1_500, 64
SEED = 1


def chain(runs: int) -> BenchResult:
    """Features, bars, strategies and gate over a recorded run, outputs written; as fast as possible."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        folder = Path(name)
        inputs, live_chain = _recorded(folder)
        ticks = scan(inputs)
        chains, scans = [], []
        gate_seq = 0
        for number in range(runs + 1):
            seconds, result = _timed(partial(_replayed, inputs, folder / f"out-{number}"))
            if result.chain != live_chain:
                raise AssertionError(f"the replay's chain is {result.chain}, expected {live_chain}")
            scanned_s, _ = _timed(partial(scan, inputs))
            if number:  # the first run compiles and fills caches
                chains.append(seconds)
                scans.append(scanned_s)
            gate_seq = result.gate_seq
    value, reference = ticks / statistics.median(chains), ticks / statistics.median(scans)
    return BenchResult(
        bench="replay",
        case="chain",
        value=value,
        unit="ticks/s",
        reference="scan of the same Parquet with pyarrow",
        reference_value=reference,
        ratio=value / reference,
        runs=runs,
        detail={
            "ticks": float(ticks),
            "gate_records": float(gate_seq),
            "us_per_tick": 1e6 / value,
            "slowest_s": max(chains),
        },
    )


def scan(inputs: Path) -> int:
    """Every column of every tick file, read whole; the number of ticks."""
    ticks = 0
    for file in journal_files(inputs / MARKET):
        with pq.ParquetFile(file.path) as parquet:
            rows = parquet.read()
        ticks += rows.num_rows if file.table != "clocks" else 0
    return ticks


def _recorded(folder: Path) -> tuple[Path, str]:
    run = Run(folder / "run")
    with Rehearsal(run) as rehearsal:
        play(rehearsal, SEED, STEPS, TRADES_A_STEP)
    inputs = folder / "inputs"
    inputs.mkdir()
    write_inputs(run, inputs)
    return inputs, rehearsal.gate.chain


def _replayed(inputs: Path, outputs: Path) -> Recomputed:
    outputs.mkdir()
    return recompute(inputs, outputs, Options())


def _timed(work: Callable[[], Found]) -> tuple[float, Found]:
    started_s = time.perf_counter()
    found = work()
    return time.perf_counter() - started_s, found


CASES: dict[str, Case] = {"chain": chain}
