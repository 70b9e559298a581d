"""The gate's state: everything a decision may depend on, in one object."""

from risk.book.approvals import Approvals
from risk.book.digests import DigestIndex
from risk.book.positions import Positions
from risk.gate.breakers import Breakers
from risk.gate.chain import START
from risk.gate.market import Market
from risk.gate.rules import Rules
from risk.gate.trading import Trading


class GateState:
    """What the records so far have made.

    Attributes:
        cutoff_ns: Marks at or before it have left the collar's window: gate time less the window.
        rules: The configuration in force; None before the first record.
        identities: (principal, intent id) of every intent answered, with its first sequence; 0
            where it was denied without being journaled.
        wishes: Content of every intent that came as far as the duplicate check.
        fills: Every fill id.
    """

    __slots__ = (
        "approvals",
        "breakers",
        "chain",
        "cutoff_ns",
        "fills",
        "gate_ts_ns",
        "identities",
        "market",
        "positions",
        "rules",
        "seq",
        "trading",
        "wishes",
    )

    def __init__(self) -> None:
        self.seq = 0
        self.gate_ts_ns = 0
        self.chain = START
        self.cutoff_ns = -1
        self.rules: Rules | None = None
        self.market = Market()
        self.positions = Positions()
        self.approvals = Approvals()
        self.trading = Trading()
        self.breakers = Breakers()
        self.identities = DigestIndex()
        self.wishes = DigestIndex()
        self.fills = DigestIndex()
