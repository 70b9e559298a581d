"""Errors raised by the risk package.

RiskError
├── ConfigInvalid       a configuration file cannot be used; the gate refuses to start
└── InvariantViolated   the gate's own books disagree; the gate halts, and stays halted
"""


class RiskError(Exception):
    """Any error of this package. Trying again with the same input never helps."""

    retryable = False


class ConfigInvalid(RiskError):
    """A limits, instruments or cards file cannot be used.

    Attributes:
        file: The file's name, as the caller gave it.
        path: Where in the document, such as ``per_symbol.ES.collar_bps``.
        found: What stands there, as JSON and with its type where that helps.
        expected: What would work.
    """

    def __init__(self, file: str, path: str, found: str, expected: str) -> None:
        self.file, self.path, self.found, self.expected = file, path, found, expected
        super().__init__(
            f"{file}: {path} is {found}; expected {expected}.\n"
            "The gate did not start, and any earlier limits are not in force."
        )


class InvariantViolated(RiskError):
    """The gate's input or its own books break a rule that the service around it must keep.

    Not a refusal: the gate that raised it decides nothing more, and people must look.

    Attributes:
        rule: What must hold.
        found, expected: The two sides that disagree.
        seq: The gate sequence at which it was seen.
    """

    def __init__(self, rule: str, found: object, expected: object, seq: int) -> None:
        self.rule, self.found, self.expected, self.seq = rule, found, expected, seq
        super().__init__(f"at gate sequence {seq}: {rule}: found {found}, expected {expected}")
