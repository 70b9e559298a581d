"""The catalogue: every message type that travels or is kept, and every schema that we publish."""

from msgspec import Struct

from contracts.control import CommandAnswered, OperatorCommand
from contracts.features import FeatureBatch, FeatureRow
from contracts.gate import Fill, GateRecord, Snapshot
from contracts.instruments import Instrument
from contracts.intents import Intent, IntentDraft
from contracts.limits import GateConfig, Limits, StrategyCard
from contracts.market import Bar, Clock, Quote, TickBatch, Trade
from contracts.news import NewsItem
from contracts.operations import DeadLetter, Heartbeat
from contracts.slm import Abstention, DecodeCertificate, Headroom, Proposal, SlmReply, SlmRequest
from contracts.states import BreakerChanged, TradingStateChanged
from contracts.verdicts import Verdict

MESSAGES: tuple[type[Struct], ...] = (
    Trade,
    Quote,
    TickBatch,
    Clock,
    Bar,
    NewsItem,
    FeatureRow,
    FeatureBatch,
    Intent,
    Verdict,
    BreakerChanged,
    TradingStateChanged,
    OperatorCommand,
    CommandAnswered,
    Heartbeat,
    DeadLetter,
    GateRecord,
    Fill,
    Snapshot,
    Instrument,
    Limits,
    StrategyCard,
    GateConfig,
    Headroom,
    SlmRequest,
    SlmReply,
    DecodeCertificate,
)
"""Tagged types: each travels alone and says its own version."""

DRAFTS: tuple[type[Struct], ...] = (IntentDraft,)
"""Untagged types that a model or a person writes: strict, and never on the bus alone."""

ANSWERS: tuple[type[Struct], ...] = (Proposal, Abstention)
"""The variants of what a model may answer: strict, told apart by ``decision``, never on the bus alone."""


def tag_of(message_type: type[Struct]) -> str:
    """The version tag, such as ``intent.v1``; a draft's or an answer's is made from its name."""
    config = message_type.__struct_config__
    if config.tag_field == "schema" and isinstance(config.tag, str):
        return config.tag
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in message_type.__name__)
    return f"{name.lstrip('_')}.v1"


BY_TAG: dict[str, type[Struct]] = {tag_of(each): each for each in (*MESSAGES, *DRAFTS, *ANSWERS)}
