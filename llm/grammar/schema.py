"""The JSON Schema of an answer under one headroom: one branch a ladder, and abstaining.

Only keywords that every mask engine we use keeps: no lookahead, no ``not``, ``if`` or
``uniqueItems``, and every number and text bounded. The properties stand in the contract's order,
which a mask engine follows.
"""

from typing import Any, Final, get_args

from contracts.intents import Urgency
from contracts.slm import EXPLAIN_MAX, AbstainReason, Headroom, Ladder, Rung

Schema = dict[str, Any]
"""A JSON document: its values are whatever JSON has."""

EXPLAIN_PATTERN: Final = r"^[ !#-\[\]-~]*$"
r"""Printable ASCII without ``"`` and ``\``: narrower than the contract, so that a character is a byte,
none is written as an escape, and the longest answer is known."""

COMPACT: Final = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
"""llguidance's own settings: no blank anywhere, or a model could write blanks until it is cut off."""

_EXPLAIN: Final = {"type": "string", "pattern": EXPLAIN_PATTERN, "maxLength": EXPLAIN_MAX}


class HeadroomInvalid(ValueError):
    """A headroom contradicts itself, so no grammar is made of it.

    Attributes:
        symbol, side: The ladder.
        found, expected: What it holds, and what would work.
    """

    def __init__(self, ladder: Ladder, found: str, expected: str) -> None:
        self.symbol, self.side = ladder.symbol, ladder.side
        self.found, self.expected = found, expected
        super().__init__(f"headroom of {self.symbol} {self.side} has {found}; expected {expected}")


def answer_schema(headroom: Headroom) -> Schema:
    """The schema that admits exactly this headroom's moves and abstaining.

    Raises:
        HeadroomInvalid: a ladder's sizes contradict its side, or its slippage is empty.
    """
    return {
        "x-guidance": dict(COMPACT),
        "anyOf": [_abstention(), *(_proposal(ladder) for ladder in headroom.ladders)],
    }


def number_of(rung: Rung) -> int | float:
    """The rung's amount as it is written: without a fraction where it has none."""
    amount = rung.target_notional
    return int(amount) if amount.is_integer() else amount


def _abstention() -> Schema:
    return _object(
        decision={"const": "abstain"},
        reason={"enum": list(get_args(AbstainReason))},
        explain=_EXPLAIN,
    )


def _proposal(ladder: Ladder) -> Schema:
    _assert_consistent(ladder)
    return _object(
        decision={"const": "propose"},
        symbol={"const": ladder.symbol},
        side={"const": ladder.side},
        target_notional={"enum": [number_of(rung) for rung in ladder.rungs]},
        urgency={"enum": list(get_args(Urgency))},
        max_slippage_bps={
            "type": "integer",
            "minimum": ladder.slippage_bps_min,
            "maximum": ladder.slippage_bps_max,
        },
        explain=_EXPLAIN,
    )


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _assert_consistent(ladder: Ladder) -> None:
    if ladder.slippage_bps_min > ladder.slippage_bps_max:
        found = f"slippage from {ladder.slippage_bps_min} to {ladder.slippage_bps_max} bps"
        raise HeadroomInvalid(ladder, found, "a range that is not empty")
    amounts = [rung.target_notional for rung in ladder.rungs]
    if ladder.side == "flat" and amounts != [0.0]:
        raise HeadroomInvalid(ladder, f"targets {amounts}", "one target of 0")
    if ladder.side != "flat" and (0.0 in amounts or amounts != sorted(set(amounts))):
        raise HeadroomInvalid(ladder, f"targets {amounts}", "rising targets above 0")
