"""The standing of a run that is down: what its gate's journal and its record say."""

from typing import TYPE_CHECKING

from contracts import subjects
from services.kit.layout import Run

if TYPE_CHECKING:
    from risk.gate import Gate

CONTROL = "CONTROL"
KILLS = subjects.control("kill", "x").removesuffix("x")
"""What the subject of every kill begins with."""

UNSEEN = """
select count(*) from (select stream_seq, subject from commands union all select stream_seq, subject from raw)
where starts_with(subject, '{kills}') and stream_seq > {seen}
"""


def gate_of(run: Run) -> "Gate":
    """The gate as its journal leaves it. Reads only.

    Raises:
        JournalCorrupt: a record in the middle is damaged.
    """
    from risk.gate import Gate
    from services.kit.recovery import latest_gate
    from streams.journal.gatelog import read_records

    gate = latest_gate(run) or Gate()
    path = run.gate / "records.log"
    if path.is_file():
        for record in read_records(path):
            if record.seq > gate.seq:
                gate.decide(record)
    return gate


def killed_cause(run: Run) -> str:
    """Why the run's gate approves nothing until a reset, or empty where it does."""
    gate = gate_of(run)
    if gate.is_killed:
        return f"at gate sequence {gate.seq} its state is {gate.trading_state}"
    if count := unseen_kills(run):
        return f"{count} kill{'s' if count > 1 else ''} came while the gate was down"
    return ""


def unseen_kills(run: Run) -> int:
    """Kills that were stored and recorded while the gate was down, and that it has yet to obey."""
    from streams.journal.gatelog import read_records
    from streams.journal.reader import Journal

    path = run.gate / "records.log"
    records = read_records(path) if path.is_file() else iter(())
    seen = max((record.stream_seq for record in records if record.stream == CONTROL), default=0)
    with Journal(run.directory) as journal:
        ((count,),) = journal.sql(UNSEEN.format(kills=KILLS, seen=seen)).fetchall()
    return int(count)
