"""Verification of a run: made again in a fresh process, then compared with its record.

The child process is given a folder of inputs and an empty one. Only when it has ended are the
recorded outputs read, here in the parent.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.gate import GateRecord
from contracts.intents import Intent
from contracts.verdicts import Verdict
from services.kit.guard import ROOT
from services.kit.layout import Run
from services.replay.compare import Difference, KeyResult, compare, differences
from services.replay.completeness import (
    UNMARKED,
    end_problems,
    gone_problems,
    repeat_problems,
    unanswered_problems,
)
from services.replay.confine import bare_environment
from services.replay.evidence import (
    PROBLEMS_MAX,
    MarketEnds,
    Problem,
    body_problems,
    chain_problems,
    hole_problems,
    lagging_notes,
    mark_problems,
    proposal_problems,
    unaudited_problems,
)
from services.replay.inputs import intent_in, write_inputs
from services.replay.recompute import JOURNAL, OPTIONS, RESULT, Options, Recomputed
from streams.journal.ends import read_ends
from streams.journal.errors import JournalError
from streams.journal.files import JournalFile
from streams.journal.gatelog import read_records
from streams.journal.hashes import Hashes, Range, input_hashes, output_messages, run_hash
from streams.journal.rows import journal_files, messages

Report = Callable[[str], None]
"""Takes one line of progress."""


class ReplayFailed(RuntimeError):
    """The process that makes a run again ended badly.

    Attributes:
        status: Its exit status.
        detail: The last line that it wrote.
    """

    def __init__(self, status: int, detail: str) -> None:
        self.status, self.detail = status, detail
        super().__init__(f"the replaying process ended with status {status}: {detail}")


class Verification(Struct, frozen=True, kw_only=True):
    """What a verification found.

    Attributes:
        keys: Both hashes of every table and key, in the order of the chain.
        problems: Damage, holes, and things that the journal says in two places and not alike.
        notes: What was not compared, and why.
        incomplete: Why it cannot be known that all of the run is there; empty after a clean stop.
        inputs: The hashes of the market data it was fed with.
        recorded_hash, recomputed_hash: Of the run: every hash above, and the last verdict's chain.
        covered: Event times compared, ``[from, to)``; the whole run by default.
    """

    run_id: str
    keys: list[KeyResult]
    problems: list[str]
    notes: list[str]
    incomplete: str
    inputs: Hashes
    recorded_hash: str
    recomputed_hash: str
    recomputed: Recomputed | None
    covered: Range
    seconds: float = 0.0

    @property
    def differences(self) -> list[Difference]:
        """The first difference of each key, the one nearest to the market first."""
        return differences(self.keys)

    @property
    def passed(self) -> bool:
        """No difference and no problem, as far as it was compared; see ``incomplete``."""
        return not self.differences and not self.problems

    @property
    def first(self) -> str:
        """The one line that names what is wrong; empty where nothing is."""
        found = [str(difference) for difference in self.differences] + self.problems
        return found[0] if found else ""


def verify(
    run: Run,
    options: Options | None = None,
    *,
    report: Report = lambda _: None,
    environment: dict[str, str] | None = None,
) -> Verification:
    """Make ``run`` again and compare.

    Args:
        options: Batches and pace; ``from_ns`` and ``to_ns`` also bound what is compared. State is
            built from the start of the run in any case.
        environment: Variables for the child on top of this process's.

    Raises ReplayFailed where the child ended badly. A damaged journal is a finding, not an error.
    """
    options = options or Options()
    started_s = time.perf_counter()
    # Far from the run: the child is to find no way back to what was recorded.
    work = Path(tempfile.mkdtemp(prefix="penstock-replay-"))
    try:
        found = _verify(run, options, work, report, environment or {})
    except JournalError as error:
        found = _unreadable(run, options, str(error))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return replace(found, seconds=time.perf_counter() - started_s)


def _verify(
    run: Run, options: Options, work: Path, report: Report, environment: dict[str, str]
) -> Verification:
    inputs, outputs = work / "inputs", work / "outputs"
    inputs.mkdir()
    outputs.mkdir()
    written = write_inputs(run, inputs)
    (inputs / OPTIONS).write_bytes(msgspec.json.encode(options))
    report(f"inputs: {written.market_files} market files, {written.records:,} gate records")
    result = _run_child(inputs, outputs, environment)
    report(f"made again: {result.ticks:,} ticks, {result.intents:,} intents, gate_seq {result.gate_seq:,}")
    within = Range(options.from_ns, options.to_ns)
    recorded, again = journal_files(run.journal), journal_files(outputs / JOURNAL)
    ends = MarketEnds(recorded)
    records = list(read_records(run.gate / "records.log"))
    missing = _missing(records, result)
    is_lacking = missing is not None and ends.is_beyond(
        missing.basis_source, missing.symbol, missing.basis_seq
    )
    keys = compare(recorded, again, _beyond(ends, result if is_lacking else None), within)
    marker = read_ends(run.journal)
    made = {
        stored.message.intent_id: stored.message
        for stored in messages(again, "intents")
        if isinstance(stored.message, Intent)
    }
    problems = [
        *_told(gone_problems(recorded, keys, records)),
        *_told(hole_problems(recorded)),
        *_told(end_problems(recorded, marker) if marker is not None else ()),
        *_told(repeat_problems(recorded)),
        *_told(unanswered_problems(recorded, records)),
        *_told(mark_problems(recorded, records, ends)),
        *_told(proposal_problems(recorded, records)),
        *_told(body_problems(records, made)),
        *_told(chain_problems(recorded, again)),
        *_told(unaudited_problems(recorded)),
    ]
    if missing is not None and not is_lacking:
        problems.insert(0, f"gate_seq {result.gate_seq + 1} decides on {missing.intent_id}, not made again")
    return Verification(
        run_id=run.run_id,
        keys=keys,
        problems=problems,
        notes=[f"{key.table} {key.key}: {key.note}" for key in keys if key.note]
        + lagging_notes(recorded, records),
        incomplete=UNMARKED if marker is None else "",
        inputs=input_hashes(run.journal, within=within),
        recorded_hash=_run_hash(keys, recorded, within, is_recorded=True),
        recomputed_hash=_run_hash(keys, again, within, is_recorded=False),
        recomputed=result,
        covered=within,
    )


def _run_child(inputs: Path, outputs: Path, environment: dict[str, str]) -> Recomputed:
    # Nothing of the run's whereabouts goes along: neither by argument nor by environment.
    home = outputs.with_name("home")
    home.mkdir()
    own = bare_environment(os.environ, home)
    command = [sys.executable, "-m", "services.replay.recompute", str(inputs), str(outputs)]
    done = subprocess.run(
        command, cwd=ROOT, env={**own, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no output"]
        raise ReplayFailed(done.returncode, lines[-1])
    return msgspec.json.decode((outputs / RESULT).read_bytes(), type=Recomputed)


def _missing(records: list[GateRecord], result: Recomputed) -> Intent | None:
    return intent_in(records[result.gate_seq]) if result.missing_intent_id else None


def _beyond(ends: MarketEnds, stopped: Recomputed | None) -> Callable[[str, str, dict[str, Any]], bool]:
    def is_beyond(table: str, key: str, fields: dict[str, Any]) -> bool:
        match table:
            case "features" | "bars":
                _, source, _, symbol = key.split("/", 3)
                return ends.is_beyond(source, symbol, fields["seq" if table == "features" else "last_seq"])
            case "intents":
                return ends.is_beyond(fields["basis_source"], fields["symbol"], fields["basis_seq"])
            case _:
                return stopped is not None and fields["gate_seq"] > stopped.gate_seq

    return is_beyond


def _run_hash(keys: list[KeyResult], files: list[JournalFile], within: Range, *, is_recorded: bool) -> str:
    hashes = {
        (key.table, key.key): key.recorded if is_recorded else key.recomputed
        for key in keys
        if (key.recorded if is_recorded else key.recomputed).rows
    }
    verdicts = hashes.get(("verdicts", "gate"))
    return run_hash(hashes, _chain_at(files, within, verdicts.rows if verdicts else 0))


def _chain_at(files: list[JournalFile], within: Range, rows: int) -> str:
    last = next(islice(output_messages(files, "verdicts", within), rows - 1, rows), None) if rows else None
    return last.message.chain if last is not None and isinstance(last.message, Verdict) else ""


def _told(problems: Iterable[Problem]) -> Iterator[str]:
    return map(str, islice(problems, PROBLEMS_MAX))


def _unreadable(run: Run, options: Options, problem: str) -> Verification:
    return Verification(
        run_id=run.run_id,
        keys=[],
        problems=[problem],
        notes=[],
        incomplete="",
        inputs={},
        recorded_hash="",
        recomputed_hash="",
        recomputed=None,
        covered=Range(options.from_ns, options.to_ns),
    )
