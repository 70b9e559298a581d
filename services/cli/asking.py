"""What ``penstock query`` does: one question to a run's journal, printed as text, JSON or CSV."""

import base64
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import click
import duckdb
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.trouble import Trouble
from services.kit.layout import Run
from streams.journal.reader import VIEWS, Journal

Form = Literal["text", "json", "csv"]
Row = tuple[Any, ...]  # whatever types the query's columns have

CHUNK_ROWS = 10_000
CELL_MAX = 80
"""Characters of a cell in the text form; JSON and CSV cut nothing."""

WRONG_QUESTION = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.SyntaxException,
)


def ask(run: Run, sql: str, form: Form) -> None:
    """Print the rows that answer ``sql``. A question that cannot be is a usage error."""
    with Journal(run.directory) as journal, _sql_errors():
        for problem in journal.problems:
            click.echo(f"penstock: left out: {problem}", err=True)
        answer = journal.sql(sql)
        if answer is None:  # DuckDB's stubs do not say that a statement without rows gives none
            raise click.UsageError("the query returns nothing to show; ask with SELECT")
        names = answer.columns
        if form == "text":
            # Through Arrow: DuckDB itself asks for another package to hand over a time with a zone.
            columns = [column.to_pylist() for column in answer.to_arrow_table().columns]
            _print_text(names, list(zip(*columns, strict=True)))
            return
        if form == "csv":
            csv.writer(sys.stdout, lineterminator="\n").writerow(names)
        for rows in _row_chunks(answer):
            if form == "csv":
                _print_csv(rows)
            else:
                _print_json(names, rows)


def _row_chunks(answer: duckdb.DuckDBPyRelation) -> Iterator[list[Row]]:
    """The rows in portions, so that a large answer does not lie in memory at once."""
    for batch in answer.to_arrow_reader(CHUNK_ROWS):
        yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def describe_views(run: Run, *, as_json: bool) -> None:
    """List the views and their columns."""
    with Journal(run.directory) as journal:
        columns = {view: journal.sql(f"select * from {view} limit 0").columns for view in VIEWS}  # noqa: S608 - our own names
    if as_json:
        click.echo(json.dumps(columns, indent=2))
        return
    for view, names in columns.items():
        click.echo(f"{view:<16} {' '.join(names)}")


@contextmanager
def _sql_errors() -> Iterator[None]:
    try:
        yield
    except WRONG_QUESTION as error:
        raise click.UsageError(_first_words(error)) from error
    except duckdb.Error as error:
        raise Trouble(_first_words(error)) from error


def _first_words(error: duckdb.Error) -> str:
    """DuckDB's message without the picture of the query."""
    return " ".join(str(error).partition("\nLINE ")[0].split())


def _print_text(names: Sequence[str], rows: Sequence[Row]) -> None:
    console = Console()
    if not console.is_terminal:  # a terminal folds long cells; whatever reads a pipe gets a row a line
        console.width = sum(max(CELL_MAX, len(name)) + 3 for name in names) + 1
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else box.ASCII)
    for index, name in enumerate(names):
        is_numeric = bool(rows) and all(isinstance(row[index], int | float | None) for row in rows)
        table.add_column(Text(name), justify="right" if is_numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    with console.capture() as drawn:  # printed by click, which bears a reader that leaves early
        console.print(table)
    click.echo(drawn.get(), nl=False)
    click.echo(f"({len(rows):,} row{'' if len(rows) == 1 else 's'})")


def _cell(value: object) -> str:
    text = "" if value is None else value.hex() if isinstance(value, bytes) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= CELL_MAX else f"{text[: CELL_MAX - 1]}…"


def _print_json(names: Sequence[str], rows: Sequence[Row]) -> None:
    for row in rows:
        click.echo(json.dumps(dict(zip(names, row, strict=True)), default=_plain, ensure_ascii=False))


def _print_csv(rows: Sequence[Row]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for row in rows:
        writer.writerow([_plain(value) if isinstance(value, bytes) else value for value in row])


def _plain(value: object) -> str:
    """Bytes as base64, as msgspec's JSON has them; dates and decimals as they print."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
