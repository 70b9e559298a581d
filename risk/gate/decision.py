"""A decision: everything that one record made the gate say."""

from msgspec import Struct

from contracts.control import CommandAnswered
from contracts.operations import DeadCause
from contracts.states import BreakerChanged, TradingStateChanged
from contracts.verdicts import Verdict


class Decision(Struct, frozen=True, kw_only=True):
    """What the service publishes for one record.

    Attributes:
        verdict: The answer to an intent; None where its body shows no identity to answer.
        answer: The answer to an operator's command.
        breakers: The breakers that moved, in order.
        trading_state: Set where a command moved it.
        dead_cause: Why the record's body is a dead letter, else None.
        dead_detail: What was found.
    """

    verdict: Verdict | None = None
    answer: CommandAnswered | None = None
    breakers: tuple[BreakerChanged, ...] = ()
    trading_state: TradingStateChanged | None = None
    dead_cause: DeadCause | None = None
    dead_detail: str = ""
