"""What the recorder makes of one message: rows, or raw bytes and a dead letter."""

from msgspec import Struct

from contracts.codec import Undecodable, decode_any
from contracts.columns import ColumnsInvalid
from contracts.control import OperatorCommand
from contracts.features import FeatureBatch
from contracts.gate import Fill
from contracts.intents import Intent
from contracts.limits import Limits
from contracts.market import Bar, Clock, TickBatch
from contracts.news import NewsItem
from contracts.operations import DeadCause, DeadLetter
from contracts.states import BreakerChanged, TradingStateChanged
from contracts.verdicts import Verdict
from streams.bus import Message, letter_about
from streams.bus.specs import BARS, CONTROL, DEAD, FEATURES, MARKET, NEWS, ORDERS, RISK, VERDICTS
from streams.journal.tables import Unstorable
from streams.journal.writer import JournalWriter

ORIGIN = "recorder"


INTENTS = "INTENTS_"
BELONGS: dict[str, tuple[type[Struct], ...]] = {
    MARKET: (TickBatch, Clock),
    BARS: (Bar,),
    FEATURES: (FeatureBatch,),
    NEWS: (NewsItem,),
    VERDICTS: (Verdict,),
    RISK: (BreakerChanged, TradingStateChanged, Limits),
    CONTROL: (OperatorCommand,),
    ORDERS: (Fill,),
    DEAD: (DeadLetter,),
}
"""What may stand in a stream. The broker vouches for the stream, never for what a body says it is: a
verdict among somebody's intents is a forgery, and is kept as bytes."""


def _decoded(message: Message) -> Struct:
    """The message, of a type that belongs in its stream. Raises Undecodable."""
    decoded = decode_any(message.payload)
    expected = (Intent,) if message.stream.startswith(INTENTS) else BELONGS.get(message.stream)
    if expected is not None and not isinstance(decoded, expected):
        names = " or ".join(kind.__name__ for kind in expected)
        raise Undecodable(names, f"{message.stream} holds a {type(decoded).__name__}")
    return decoded


class Intake:
    """Decodes messages into a writer, each stream in its own order.

    Attributes:
        taken: Messages kept since the start.
        positions: The last sequence taken of each stream.
        ts_event_ns: Largest event time of the market so far: that of its clocks.
    """

    def __init__(self, writer: JournalWriter) -> None:
        self.writer = writer
        self.taken = 0
        self.positions: dict[str, int] = {}
        self.ts_event_ns = 0

    def take(self, message: Message) -> DeadLetter | None:
        """Keep one message. Bytes that are no message are kept too, and come back as a letter.

        A letter about a letter is never written: it would breed.
        """
        self.positions[message.stream] = message.stream_seq
        cause = self._add(message)
        if not cause or message.stream == DEAD:
            return None
        return letter_about(
            message, origin=ORIGIN, cause=DeadCause.UNDECODABLE, detail=cause, ts_event_ns=self.ts_event_ns
        )

    def _add(self, message: Message) -> str:
        # Why the message is no row of a table; empty where it is one, or is known already.
        try:
            decoded = _decoded(message)
            kept = self.writer.add(
                decoded,
                subject=message.subject,
                stream=message.stream,
                stream_seq=message.stream_seq,
                ts_store_ns=message.ts_store_ns,
            )
        except (Undecodable, ColumnsInvalid, Unstorable) as error:
            cause = str(error)
            kept = self.writer.add_raw(
                message.payload,
                cause,
                subject=message.subject,
                stream=message.stream,
                stream_seq=message.stream_seq,
                ts_store_ns=message.ts_store_ns,
            )
            self.taken += kept
            return cause if kept else ""
        self.taken += kept
        if message.stream == MARKET:  # a letter about a gap, or an expiry, may speak of a later time
            self.ts_event_ns = max(self.ts_event_ns, getattr(decoded, "ts_event_ns", 0))
        return ""
