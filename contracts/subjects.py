"""Subjects: where each message travels. Built and parsed here and nowhere else.

Lower case, widest scope first. A symbol is one token: characters that NATS or a file system
would read otherwise are written as ``~`` and two hexadecimal digits, so ``BRK.B`` travels as
``BRK~2EB`` and comes back unchanged.
"""

import re
from typing import NamedTuple

ALL_TRADES = "md.trade.>"
ALL_QUOTES = "md.quote.>"
ALL_BOOKS = "md.book.>"
ALL_BARS = "md.bar.>"
CLOCK = "md.clock"
ALL_NEWS = "news.>"
ALL_FEATURES = "feat.>"
ALL_INTENTS = "intent.proposed.>"
ALL_VERDICTS = "risk.verdict.>"
RISK_STATE = "risk.state"
RISK_LIMITS = "risk.limits"
ALL_BREAKERS = "risk.breaker.>"
ALL_SHADOW_ORDERS = "order.shadow.>"
ALL_SHADOW_FILLS = "fill.shadow.>"
ALL_CONTROL = "control.>"
ALL_AUDIT = "audit.>"
ALL_HEARTBEATS = "audit.heartbeat.>"
AUDIT_COMMAND = "audit.command"
AUDIT_KINDS = (AUDIT_COMMAND,)
"""What is kept of ``audit.<kind>`` as a decision, each kind by its name. Heartbeats are none: by their
number they would fill a stream that loses nothing, and the next command could not be answered."""

ALL_SLM_REQUESTS = "slm.request.>"
ALL_SLM_REPLIES = "slm.reply.>"
ALL_TOOLS = "tool.>"
ALL_JOBS = "job.>"
ALL_DEAD = "dead.>"
ALL_REPLAYS = "replay.>"

_SAFE = re.compile(r"[A-Za-z0-9_-]")
_ENCODED = re.compile(r"(?:[A-Za-z0-9_-]|~[0-9A-F]{2})+")
_ESCAPE = re.compile(r"~([0-9A-F]{2})")


class SubjectInvalid(ValueError):
    """A subject is not of the form that its family has.

    Attributes:
        found: The subject.
        expected: The family's template.
    """

    def __init__(self, found: str, expected: str) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"subject is {found!r}, expected {expected}")


class Proposed(NamedTuple):
    """Parsed ``intent.proposed.<strategy_id>.<symbol>``."""

    strategy_id: str
    symbol: str


class Control(NamedTuple):
    """Parsed ``control.<command>.<operator>``."""

    command: str
    operator: str


class SlmRequested(NamedTuple):
    """Parsed ``slm.request.<route>.<task>``."""

    route: str
    task: str


class SlmReplied(NamedTuple):
    """Parsed ``slm.reply.<task>.<req_id>``."""

    task: str
    req_id: str


def encode_token(text: str) -> str:
    """Any ASCII text as one subject token. Raises ValueError when empty or not ASCII."""
    if not text or not text.isascii():
        raise ValueError(f"a subject token needs ASCII characters, got {text!r}")
    return "".join(c if _SAFE.match(c) else f"~{ord(c):02X}" for c in text)


def decode_token(token: str) -> str:
    """The inverse of ``encode_token``. Raises SubjectInvalid on a token that it never makes."""
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), token)
    if not _ENCODED.fullmatch(token) or not text.isascii() or encode_token(text) != token:
        raise SubjectInvalid(token, "a token of letters, digits, _ - and ~XX")
    return text


def trade(venue: str, symbol: str) -> str:
    return f"md.trade.{encode_token(venue)}.{encode_token(symbol)}"


def quote(venue: str, symbol: str) -> str:
    return f"md.quote.{encode_token(venue)}.{encode_token(symbol)}"


def tick(kind: str, venue: str, symbol: str) -> str:
    """The subject of a tick batch of this ``kind``: ``trade`` or ``quote``."""
    return trade(venue, symbol) if kind == "trade" else quote(venue, symbol)


def bar(interval: str, venue: str, symbol: str) -> str:
    return f"md.bar.{encode_token(interval)}.{encode_token(venue)}.{encode_token(symbol)}"


def news_item(source: str) -> str:
    return f"news.item.{encode_token(source)}"


def features(set_name: str, venue: str, symbol: str) -> str:
    return f"feat.{encode_token(set_name)}.{encode_token(venue)}.{encode_token(symbol)}"


def intent_proposed(strategy_id: str, symbol: str) -> str:
    return f"intent.proposed.{encode_token(strategy_id)}.{encode_token(symbol)}"


def intents_of(strategy_id: str) -> str:
    """Every proposed intent of one strategy."""
    return f"intent.proposed.{encode_token(strategy_id)}.>"


def verdict(strategy_id: str, symbol: str) -> str:
    return f"risk.verdict.{encode_token(strategy_id)}.{encode_token(symbol)}"


def breaker(name: str) -> str:
    return f"risk.breaker.{encode_token(name)}"


def slm_request(route: str, task: str) -> str:
    return f"slm.request.{encode_token(route)}.{encode_token(task)}"


def slm_reply(task: str, req_id: str) -> str:
    return f"slm.reply.{encode_token(task)}.{encode_token(req_id)}"


def control(command: str, operator: str) -> str:
    return f"control.{encode_token(command)}.{encode_token(operator)}"


def controls_of(operator: str) -> str:
    """Every command that one operator may give."""
    return f"control.*.{encode_token(operator)}"


def heartbeat(service: str) -> str:
    """The subject of one service's heartbeat: nobody else may speak on it."""
    return f"audit.heartbeat.{encode_token(service)}"


def dead(origin: str) -> str:
    return f"dead.{encode_token(origin)}"


def parse_intent(subject: str) -> Proposed:
    """Raises SubjectInvalid."""
    template = "intent.proposed.<strategy_id>.<symbol>"
    _, _, strategy_id, symbol = _tokens(subject, ("intent", "proposed", None, None), template)
    return Proposed(decode_token(strategy_id), decode_token(symbol))


def parse_control(subject: str) -> Control:
    """Raises SubjectInvalid."""
    _, command, operator = _tokens(subject, ("control", None, None), "control.<command>.<operator>")
    return Control(decode_token(command), decode_token(operator))


def parse_slm_request(subject: str) -> SlmRequested:
    """Raises SubjectInvalid."""
    _, _, route, task = _tokens(subject, ("slm", "request", None, None), "slm.request.<route>.<task>")
    return SlmRequested(decode_token(route), decode_token(task))


def parse_slm_reply(subject: str) -> SlmReplied:
    """Raises SubjectInvalid."""
    _, _, task, req_id = _tokens(subject, ("slm", "reply", None, None), "slm.reply.<task>.<req_id>")
    return SlmReplied(decode_token(task), decode_token(req_id))


def template_of(subject: str) -> str:
    """The subject's family with its variable tokens named, for spans, logs and metrics."""
    tokens = subject.split(".")
    for family in TEMPLATES:
        parts = family.split(".")
        if len(parts) == len(tokens) and all(
            part.startswith("<") or part == token for part, token in zip(parts, tokens, strict=True)
        ):
            return family
    return "unknown"


TEMPLATES = (
    "md.clock",
    "md.trade.<venue>.<symbol>",
    "md.quote.<venue>.<symbol>",
    "md.book.<venue>.<symbol>",
    "md.bar.<interval>.<venue>.<symbol>",
    "news.item.<source>",
    "feat.<set>.<venue>.<symbol>",
    "slm.request.<route>.<task>",
    "slm.reply.<task>.<req_id>",
    "tool.<name>",
    "intent.proposed.<strategy_id>.<symbol>",
    "risk.verdict.<strategy_id>.<symbol>",
    "risk.state",
    "risk.limits",
    "risk.breaker.<name>",
    "order.shadow.<venue>.<symbol>",
    "fill.shadow.<venue>.<symbol>",
    "control.<command>.<operator>",
    "audit.<kind>",
    "audit.heartbeat.<service>",
    "job.<kind>",
    "dead.<origin>",
)
"""Every family of subjects; a literal token stands before a variable one where both would match."""


def _tokens(subject: str, shape: tuple[str | None, ...], template: str) -> list[str]:
    tokens = subject.split(".")
    if len(tokens) != len(shape) or any(
        want is not None and want != got for want, got in zip(shape, tokens, strict=True)
    ):
        raise SubjectInvalid(subject, template)
    return tokens
