"""What a connection has seen go wrong; read by the metrics of its process."""


class BusCounters:
    """Counts since the connection was opened; none ever decreases.

    Attributes:
        permission_violations: Publishes and subscriptions that the broker dropped.
        reconnects, disconnects: Of the connection.
        gaps: Stored messages that a reader could not have, because the stream had discarded them.
        recreations: Times that a reader had to make its consumer again.
        slow_consumers: Messages that the client dropped because a callback was too slow.
        redeliveries: Messages of durable consumers that came more than once.
        healed: Messages of a publish window that had to be sent again.
        errors: Other errors that the client reported.
        last_violation: Text of the newest permission violation; its subject is in lower case.
        last_error: Text of the newest other error.
    """

    __slots__ = (
        "disconnects",
        "errors",
        "gaps",
        "healed",
        "last_error",
        "last_violation",
        "permission_violations",
        "reconnects",
        "recreations",
        "redeliveries",
        "slow_consumers",
    )

    def __init__(self) -> None:
        self.permission_violations = self.reconnects = self.disconnects = self.gaps = 0
        self.recreations = self.slow_consumers = self.redeliveries = self.healed = self.errors = 0
        self.last_violation = self.last_error = ""
