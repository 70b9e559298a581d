"""The standing of a run that is down: what its gate's journal says."""

from typing import TYPE_CHECKING

from services.kit.layout import Run

if TYPE_CHECKING:
    from risk.gate import Gate


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
    if not (run.gate / "records.log").is_file():
        return ""
    gate = gate_of(run)
    return f"at gate sequence {gate.seq} its state is {gate.trading_state}" if gate.is_killed else ""
