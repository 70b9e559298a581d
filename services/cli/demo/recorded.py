"""The replay hash of a run as it was recorded: what ``penstock replay --verify`` prints beside its own."""

from collections import deque

from contracts.verdicts import Verdict
from services.kit.layout import Run
from services.replay.compare import is_output
from streams.journal.hashes import (
    BATCH_OUTPUTS,
    EVERYTHING,
    MESSAGE_OUTPUTS,
    hashes_of,
    output_messages,
    run_hash,
)
from streams.journal.rows import journal_files


def recorded_hash(run: Run) -> str:
    """One digest over every output in the journal. Raises FileUnreadable."""
    files = journal_files(run.journal)
    hashes = hashes_of(files, BATCH_OUTPUTS, MESSAGE_OUTPUTS, within=EVERYTHING, limits={}, counts=is_output)
    last = deque(output_messages(files, "verdicts"), maxlen=1)
    chain = last[0].message.chain if last and isinstance(last[0].message, Verdict) else ""
    return run_hash(hashes, chain)
