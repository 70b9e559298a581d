"""The reader: a run's journal as SQL views (DuckDB), while it is being written or years later."""

from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import msgspec
import pyarrow as pa

from contracts.gate import GateRecord
from streams.journal.files import FileProblem, JournalFile, scan
from streams.journal.gatelog import read_records
from streams.journal.tables import FEATURES, KIND_OF_TABLE, TABLES, schema_of

GATE_RECORDS = "gate_records"
VIEWS = (*TABLES, "checks", GATE_RECORDS)

_CHECKS = """
CREATE VIEW checks AS
SELECT stream_seq, principal, intent_id, strategy_id, symbol, outcome, gate_seq, gate_ts_ns, step,
       item->>0 AS code, (item->>1)::BIGINT AS found, (item->>2)::BIGINT AS allowed,
       item->>3 AS unit, item->>4 AS setting, (item->>1)::BIGINT <= (item->>2)::BIGINT AS passed
FROM (SELECT * EXCLUDE (listed), unnest(listed) AS item, generate_subscripts(listed, 1) AS step
      FROM (SELECT *, CAST(body->'$.checks' AS JSON[]) AS listed FROM verdicts))
"""

_RECORD_SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("kind", pa.string()),
        ("gate_ts_ns", pa.int64()),
        ("subject", pa.string()),
        ("principal", pa.string()),
        ("stream", pa.string()),
        ("stream_seq", pa.int64()),
        ("incarnation", pa.string()),
        ("intent_id", pa.string()),
        ("is_audit_ok", pa.bool_()),
        ("marks", pa.string()),
        ("sessions", pa.string()),
        ("denied_unaudited", pa.string()),
        ("body", pa.binary()),
    ]
)


class Journal:
    """Views over one run: a table each, ``checks`` (one row a comparison), and ``gate_records``.

    A view exists, with its columns, also where nothing was recorded. ``life`` counts how often the
    broker had lost the end of the row's stream: a ``stream_seq`` is unique within one life. Files
    that cannot be read are left out of the views and listed.

    Attributes:
        problems: The files that were left out, and why.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        found = scan(run_dir / "journal")
        self.problems: list[FileProblem] = found.problems
        self._connection = duckdb.connect()
        self._has_records = False
        for table in TABLES:
            self._connection.execute(_view(table, [file for file in found.files if file.table == table]))
        self._connection.execute(_CHECKS)

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """A query as a relation: ``fetchall()``, ``to_arrow_table()``. Raises duckdb.Error.

        The gate's log is decoded when a query first names ``gate_records``; that raises
        JournalCorrupt where the log is damaged.
        """
        if GATE_RECORDS in query.lower() and not self._has_records:
            self._connection.register(GATE_RECORDS, records_table(self.run_dir / "gate" / "records.log"))
            self._has_records = True
        return self._connection.sql(query)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Identity(msgspec.Struct):
    intent_id: str = ""


_identity = msgspec.msgpack.Decoder(_Identity)


def intent_id_of(body: bytes) -> str:
    """The identity that a body shows, or empty: foreign bytes may show none."""
    try:
        return _identity.decode(body).intent_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def records_table(path: Path) -> pa.Table:
    """The gate's log as Arrow, one row a record. Raises JournalCorrupt."""
    rows = [_record_row(record) for record in read_records(path)]
    return pa.Table.from_pylist(rows, schema=_RECORD_SCHEMA)


def _record_row(record: GateRecord) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(record, name, None) for name in _RECORD_SCHEMA.names}
    for name in ("marks", "sessions", "denied_unaudited"):
        row[name] = msgspec.json.encode(row[name]).decode()
    row["intent_id"] = intent_id_of(record.body) if record.kind == "intent" else ""
    return row


def _view(table: str, files: list[JournalFile]) -> str:
    if not files:
        return f"CREATE VIEW {table} AS {_nothing(table)}"
    # Files come in stream order and their spans are disjoint, so only rows that one flush split
    # over two dates are out of order; small tables are sorted, large ones keep the files' order.
    parts = []
    for life in sorted({file.life for file in files}):
        listed = ", ".join(_literal(str(file.path)) for file in files if file.life == life)
        source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = true)"
        parts.append(f"SELECT *, {life} AS life FROM {source}")  # noqa: S608  # our own files' names
    order = "" if table in KIND_OF_TABLE or table == FEATURES else " ORDER BY life, stream_seq"
    return f"CREATE VIEW {table} AS {' UNION ALL BY NAME '.join(parts)}{order}"


def _nothing(table: str) -> str:
    typed = [(field.name, _SQL_TYPES[_plain(field.type)]) for field in schema_of(table)]
    columns = [f'CAST(NULL AS {sql_type}) AS "{name}"' for name, sql_type in typed]
    return f"SELECT {', '.join(columns)}, CAST(NULL AS DATE) AS date, 0 AS life WHERE false"


def _plain(kind: pa.DataType) -> str:
    return str(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_SQL_TYPES = {
    "int8": "TINYINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint64": "UBIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "string": "VARCHAR",
    "binary": "BLOB",
}
