"""A ruling: what one record should have led to."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["APPROVED", "DENIED", "DEAD", "ACCEPTED", "REFUSED", "TAKEN"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """The part of a decision that two judges must agree on.

    Attributes:
        kind: An intent is APPROVED, DENIED or DEAD (it showed no identity); a fill is TAKEN or
            DEAD; a command is ACCEPTED or REFUSED; anything else is TAKEN.
        code: The deny or refusal code; empty where there is none.
        lots: Approved change, signed: positive buys. 0 unless approved.
        target_lots: Signed exposure aimed at. 0 unless approved.
        expires_ts_ns: When the approval lapses. 0 unless approved.
        waits: A first reset that waits for its second person.
    """

    kind: Kind
    code: str = ""
    lots: int = 0
    target_lots: int = 0
    expires_ts_ns: int = 0
    waits: bool = False
