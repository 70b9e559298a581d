"""Tables: which Parquet table holds which message, and with which columns.

A tick or feature batch becomes a row a tick. Any other message becomes one row: its scalar fields
as typed columns, its nested ones together as JSON in ``body``. Each value lies in one place, so a
row is enough to build the message, and its hash view, again.
"""

from functools import cache
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from msgspec import Struct, inspect

from contracts.columns import feature_layout
from contracts.control import CommandAnswered, OperatorCommand
from contracts.features import FeatureBatch
from contracts.gate import Fill
from contracts.intents import Intent
from contracts.limits import GateConfig, Limits
from contracts.market import COLUMNS_OF_KIND, Bar, Clock, TickBatch
from contracts.news import NewsItem
from contracts.operations import DeadLetter, Heartbeat
from contracts.slm import DecodeCertificate, SlmReply, SlmRequest
from contracts.states import BreakerChanged, TradingStateChanged
from contracts.verdicts import Verdict

TRADES, QUOTES, FEATURES, RAW = "trades", "quotes", "features", "raw"
TICK_TABLES = {"trade": TRADES, "quote": QUOTES}
KIND_OF_TABLE = {table: kind for kind, table in TICK_TABLES.items()}

MESSAGE_OF_TABLE: dict[str, type[Struct]] = {
    "bars": Bar,
    "intents": Intent,
    "verdicts": Verdict,
    "breakers": BreakerChanged,
    "trading_states": TradingStateChanged,
    "commands": OperatorCommand,
    "command_answers": CommandAnswered,
    "clocks": Clock,
    "heartbeats": Heartbeat,
    "dead_letters": DeadLetter,
    "news": NewsItem,
    "fills": Fill,
    "limits": Limits,
    "configs": GateConfig,
    "slm_requests": SlmRequest,
    "slm_replies": SlmReply,
    "decode_certificates": DecodeCertificate,
}
TABLE_OF_MESSAGE: dict[type[Struct], str] = {kind: table for table, kind in MESSAGE_OF_TABLE.items()}

_json_object = msgspec.json.Decoder(dict[str, Any])

TABLES = (TRADES, QUOTES, FEATURES, *MESSAGE_OF_TABLE, RAW)
"""Every table that a flush may write."""

PLACE = (("stream_seq", pa.int64()), ("ts_store_ns", pa.int64()), ("subject", pa.string()))
"""Leading columns of every table: where the message stood on the bus."""

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_TICK_HEAD = (
    ("row", pa.int32()),
    ("source", _DICTIONARY),
    ("venue", _DICTIONARY),
    ("symbol", _DICTIONARY),
    ("seq", pa.int64()),
    ("ts_recv_ns", pa.int64()),
)
_FEATURE_HEAD = (("row", pa.int32()), ("set", _DICTIONARY), *_TICK_HEAD[1:])
_BATCH_PLACE = (*PLACE[:2], ("subject", _DICTIONARY))


class Unstorable(ValueError):
    """A message for which no table has been declared here.

    Attributes:
        found: The type, or the column, that has no place.
    """

    def __init__(self, found: str, expected: str) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"{found} has no place in the journal; expected {expected}")


class Shape(NamedTuple):
    """How a message type lies in its table."""

    scalars: tuple[tuple[str, pa.DataType], ...]
    nested: tuple[str, ...]

    @property
    def body(self) -> str:
        """The column of the nested fields: ``body``, unless the message has a field of that name."""
        return "nested" if "body" in dict(self.scalars) else "body"


def column_of(field: str) -> str:
    """The column of a scalar field: its name, or ``about_<name>`` where ``PLACE`` has that name.

    A dead letter is about a message with a place of its own: ``stream_seq`` is the letter's, and
    ``about_stream_seq`` that of what could not be used.
    """
    return f"about_{field}" if field in dict(PLACE) else field


def table_of(message: Struct) -> str:
    """The table that a message's rows go to. Raises Unstorable."""
    if isinstance(message, TickBatch):
        return TICK_TABLES[message.kind]
    if isinstance(message, FeatureBatch):
        return FEATURES
    table = TABLE_OF_MESSAGE.get(type(message))
    if table is None:
        raise Unstorable(type(message).__name__, "a type of MESSAGE_OF_TABLE, or a batch")
    return table


@cache
def shape_of(message_type: type[Struct]) -> Shape:
    """Which fields are columns of their own, in contract order, and which lie in ``body``."""
    kind = inspect.type_info(message_type)
    assert isinstance(kind, inspect.StructType)
    typed = [(field.name, _arrow_type(field.type)) for field in kind.fields]
    return Shape(
        tuple((name, arrow) for name, arrow in typed if arrow is not None),
        tuple(name for name, arrow in typed if arrow is None),
    )


@cache
def schema_of(table: str, names: tuple[str, ...] = ()) -> pa.Schema:
    """The Arrow schema of a table; ``names`` are those of the features, and of no other table."""
    if table == FEATURES:
        taken = {name for name, _ in (*_BATCH_PLACE, *_FEATURE_HEAD)} | {"date"}
        layout = feature_layout(names)
        clash = taken & {name for name, _ in layout} - {"seq"}
        if clash:
            raise Unstorable(f"a feature named {min(clash)}", "a name that no journal column has")
        rest = [(name, _numpy_arrow(code)) for name, code in layout if name != "seq"]
        return pa.schema([*_BATCH_PLACE, *_FEATURE_HEAD, *rest])
    if table in KIND_OF_TABLE:
        rest = [(name, _numpy_arrow(code)) for name, code in COLUMNS_OF_KIND[KIND_OF_TABLE[table]]]
        return pa.schema([*_BATCH_PLACE, *_TICK_HEAD, *rest])
    if table == RAW:
        return pa.schema([*PLACE, ("cause", pa.string()), ("payload", pa.binary())])
    own = [("principal", pa.string())] if table == "intents" else []
    shape = shape_of(MESSAGE_OF_TABLE[table])
    body = [(shape.body, pa.string())] if shape.nested else []
    scalars = [(column_of(name), kind) for name, kind in shape.scalars]
    return pa.schema([*PLACE, *own, *scalars, *body])


def values_of(message: Struct) -> tuple[Any, ...]:
    """The values of the message's own columns: its scalars, then ``body`` where it has one."""
    shape = shape_of(type(message))
    values = [getattr(message, name) for name, _ in shape.scalars]
    if shape.nested:
        nested = {name: getattr(message, name) for name in shape.nested}
        values.append(msgspec.json.encode(nested).decode())
    return tuple(values)


def message_from(message_type: type[Struct], row: dict[str, Any]) -> Struct:
    """A message from its row. A field that the row lacks, of an older file, takes its default.

    Raises:
        msgspec.ValidationError: a value breaks its bound, or ``body`` is no JSON of the fields.
    """
    shape = shape_of(message_type)
    fields = {name: row[column_of(name)] for name, _ in shape.scalars if column_of(name) in row}
    if shape.nested:
        try:
            fields |= _json_object.decode(row.get(shape.body) or "{}")
        except msgspec.DecodeError as error:
            raise msgspec.ValidationError(f"{shape.body} is no JSON object: {error}") from error
    tag = message_type.__struct_config__.tag
    return msgspec.convert({"schema": tag, **fields}, message_type)


def _numpy_arrow(code: str) -> pa.DataType:
    return {"<i8": pa.int64(), "<u8": pa.uint64(), "<f8": pa.float64(), "|i1": pa.int8()}[code]


def _arrow_type(kind: inspect.Type) -> pa.DataType | None:
    # None where the field is nested. An optional scalar is a column that may be null.
    match kind:
        case inspect.Metadata():
            return _arrow_type(kind.type)
        case inspect.UnionType():
            rest = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
            return _arrow_type(rest[0]) if len(rest) == 1 else None
        case inspect.IntType():
            return pa.int64()
        case inspect.FloatType():
            return pa.float64()
        case inspect.BoolType():
            return pa.bool_()
        case inspect.BytesType():
            return pa.binary()
        case inspect.StrType() | inspect.EnumType():
            return pa.string()
        case inspect.LiteralType():
            return pa.int64() if all(isinstance(value, int) for value in kind.values) else pa.string()
        case _:
            return None
