"""Proof: a recorded run is made again to the same hash, and a run that was tampered with is not."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from services.kit.guard import ROOT
from services.kit.layout import Home, Run
from services.kit.recovery import recover_gate
from services.prove.doctored import Flip, copy_of, flip
from services.prove.proof import ProofResult, Report, Size
from services.replay.recompute import Options
from services.replay.rehearsal import Rehearsal
from services.replay.scene import play
from services.replay.verify import Verification, verify
from streams.bus.specs import FEATURES, MARKET, VERDICTS, intents_stream

SUMMARY = (
    "Plays real trades through a broker and every service, and makes that run again. Rehearses a longer one "
    "without a broker, makes it again in fresh processes with other batch sizes and hash seeds, recovers the "
    "gate from snapshot and tail, and asks for one chain. Then flips one tick, one intent and one verdict "
    "in copies of the journal, takes whole streams out of others, and asks that all of it is found and named."
)

STEPS = {"S": 900, "L": 36_000}
"""Steps of 100 ms: a minute and a half, or an hour."""

LIVE = {"S": (2, 20), "L": (20, 20)}
"""Minutes of market time, and how many times real time they are played."""

SNAPSHOT_EVERY = {"S": 50, "L": 1_000}
RERUNS = ((1, "0"), (7, "1"), (4_096, "4242"))
"""Rows a batch, and PYTHONHASHSEED, of the reruns."""

FLIPS = (
    Flip("trades", "price", -900, lambda price: price + 0.25, ("symbol", "ES")),
    Flip("intents", "target_notional", -1, lambda notional: notional + 1.0, ("principal", "predict")),
    Flip("intents", "max_slippage_bps", 0, lambda bps: bps + 1, ("principal", "drill")),
    Flip("verdicts", "lots", -1, lambda lots: lots + 1),
    Flip("verdicts", "body", 0, lambda body: body.replace(",0,", ",1,", 1)),
)


GONE = (VERDICTS, FEATURES, MARKET, intents_stream("drill"))
"""Streams whose files are taken out, one after another."""


class Disproved(Exception):
    """The proof does not hold; the message is its figure."""


def prove(size: Size, seed: int, report: Report) -> ProofResult:
    """Try it. See SUMMARY."""
    with tempfile.TemporaryDirectory(prefix="penstock-prove-") as folder:
        try:
            live_ticks = _live(Path(folder) / "home", size, report)
            run, ticks, chain = _rehearse(Path(folder), size, seed, report)
            reruns = list(_made_again(run, chain, report))
            found = list(_flips_found(run, Path(folder), report))
            gone = list(_gone_found(run, Path(folder), report))
        except Disproved as error:
            return ProofResult(
                proof="replay", size=size, seed=seed, passed=False, figure=str(error), detail={}
            )
    return ProofResult(
        proof="replay",
        size=size,
        seed=seed,
        passed=True,
        figure=(
            f"{live_ticks:,} ticks through the broker replay to their hash; of {ticks:,} rehearsed, the run, "
            f"{len(reruns)} replays, and snapshot + tail give the chain {chain[:16]}…; "
            f"{len(found)} of {len(FLIPS)} flips found and named; "
            f"{len(gone)} of {len(GONE)} streams missed when gone"
        ),
        detail={
            "live_ticks": live_ticks,
            "ticks": ticks,
            "replays": len(reruns),
            "flips": len(found),
            "gone": len(gone),
            "chain": chain,
            "run_hash": reruns[0].recomputed_hash,
        },
    )


def _live(directory: Path, size: Size, report: Report) -> int:
    minutes, speed = LIVE[size]
    command = [sys.executable, "-m", "services.cli", "--home", str(directory), "demo"]
    pace = ["--minutes", str(minutes), "--speed", str(speed)]
    report(f"playing {minutes} minutes at {speed}x through a broker")
    done = subprocess.run([*command, *pace], cwd=ROOT, capture_output=True, text=True, check=False)
    run = Home(directory).current_run()
    if done.returncode or run is None:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise Disproved(f"the live run ended with status {done.returncode}: {lines[-1]}")
    found = verify(run)
    if not _holds(found):
        raise Disproved(f"the live run: {found.first or found.incomplete or found.notes}")
    assert found.recomputed is not None
    _expect("the live run, run hash", found.recomputed_hash, found.recorded_hash)
    recovered = recover_gate(run)
    recovered.log.close()
    _expect("the live gate, recovered", recovered.gate.chain, found.recomputed.chain)
    report(f"{found.recomputed.ticks:,} live ticks replay to {found.recorded_hash[:16]}…, the same")
    return found.recomputed.ticks


def _rehearse(folder: Path, size: Size, seed: int, report: Report) -> tuple[Run, int, str]:
    run = Run(folder / "run")
    with Rehearsal(run, snapshot_every=SNAPSHOT_EVERY[size]) as rehearsal:
        ticks = play(rehearsal, seed, STEPS[size])
    chain = rehearsal.gate.chain
    report(f"recorded {ticks:,} ticks and {rehearsal.gate.seq:,} gate records: chain {chain[:16]}…")
    recovered = recover_gate(copy_of(run, folder / "recovered"))
    recovered.log.close()
    if not recovered.from_snapshot:
        raise Disproved("the recovery found no usable snapshot")
    _expect("snapshot + tail", recovered.gate.chain, chain)
    report(f"snapshot at {recovered.from_snapshot:,} + tail: the same chain")
    return run, ticks, chain


def _made_again(run: Run, chain: str, report: Report) -> Iterator[Verification]:
    first: Verification | None = None
    for batch_rows, hash_seed in ((0, ""), *RERUNS):
        environment = {"PYTHONHASHSEED": hash_seed} if hash_seed else {}
        found = verify(run, Options(batch_rows=batch_rows), environment=environment)
        how = f"batches of {batch_rows or 'the record'}, hash seed {hash_seed or 'unset'}"
        if not _holds(found):
            raise Disproved(f"replay with {how}: {found.first or found.incomplete or found.notes}")
        assert found.recomputed is not None
        _expect(f"replay with {how}", found.recomputed.chain, chain)
        first = first or found
        _expect(f"replay with {how}, run hash", found.recomputed_hash, first.recomputed_hash)
        report(f"replay with {how}: {found.recomputed_hash[:16]}…, the same")
        yield found


def _holds(found: Verification) -> bool:
    """Whether all of the run was made again: nothing differs, and nothing was left out."""
    return found.passed and found.recomputed is not None and not (found.notes or found.incomplete)


def _gone_found(run: Run, folder: Path, report: Report) -> Iterator[str]:
    for stream in GONE:
        doctored = copy_of(run, folder / f"gone-{stream}")
        _take_out(doctored, stream)
        found = verify(doctored)
        if found.passed or stream not in " ".join(found.problems):
            raise Disproved(f"{stream} was taken out of the journal and not missed: {found.first}")
        report(f"{stream} taken out: {found.first[:200]}")
        yield stream


def _take_out(run: Run, stream: str) -> None:
    shutil.rmtree(run.journal / stream)


def _flips_found(run: Run, folder: Path, report: Report) -> Iterator[str]:
    for number, change in enumerate(FLIPS):
        doctored = copy_of(run, folder / f"flip-{number}")
        flipped = flip(doctored, change)
        found = verify(doctored)
        what = f"{change.table}.{change.column} {_short(flipped.before)} → {_short(flipped.after)}"
        if found.passed:
            raise Disproved(f"{what} was not found")
        if not _is_named(found.first, change, flipped.row):
            raise Disproved(f"{what} was found, but told as: {found.first}")
        report(f"{what}: {found.first[:200]}")
        yield found.first


def _is_named(told: str, change: Flip, row: dict[str, object]) -> bool:
    """Whether the finding says where: the row's own identity, and for outputs the column."""
    if change.table == "trades":
        return f"seq {row['seq']} " in told and change.column in told
    column = "checks" if change.column == "body" else change.column
    identity = f"gate_seq {row['gate_seq']} " if change.table == "verdicts" else str(row["intent_id"])
    return identity in told and column in told and change.table in told


def _expect(what: str, found: str, expected: str) -> None:
    if found != expected:
        raise Disproved(f"{what} gives {found[:16]}…, expected {expected[:16]}…")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
