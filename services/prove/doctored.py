"""Doctored journals: copies of a run in which one value is another, as a forger would leave it.

The file is written again whole, with a valid footer and valid page checksums: what finds it is
the replay, not a broken file.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from services.kit.layout import Run
from streams.journal.rows import journal_files

Change = Callable[[Any], Any]


class Flip(NamedTuple):
    """One changed value.

    Attributes:
        table, column: Where.
        row: Which row of the table's first file; negative counts from its end.
        change: The old value to the new.
        where: Only rows of which this column has this value are counted; None counts all.
    """

    table: str
    column: str
    row: int
    change: Change
    where: tuple[str, str] | None = None


class Flipped(NamedTuple):
    """What was changed: the row as it was, and both values."""

    row: dict[str, Any]
    before: Any
    after: Any


def copy_of(run: Run, directory: Path) -> Run:
    """The run's journal, gate and configuration in another folder."""
    for source in (run.journal, run.gate, run.config):
        shutil.copytree(source, directory / source.name)
    return Run(directory)


def flip(run: Run, flip: Flip) -> Flipped:
    """Change one value in the journal of ``run``. Raises LookupError where there is no such row."""
    for file in journal_files(run.journal):
        if file.table != flip.table:
            continue
        with pq.ParquetFile(file.path) as parquet:
            rows = parquet.read()
        indices = _counted(rows, flip)
        if -len(indices) <= flip.row < len(indices):
            at = indices[flip.row]
            row = rows.slice(at, 1).to_pylist()[0]
            after = flip.change(row[flip.column])
            pq.write_table(_with(rows, flip.column, at, after), file.path, write_page_checksum=True)
            return Flipped(row, row[flip.column], after)
    raise LookupError(f"{run.journal} has no row {flip.row} of {flip.table} in one file")


def _counted(rows: pa.Table, flip: Flip) -> list[int]:
    if flip.where is None:
        return list(range(rows.num_rows))
    name, wanted = flip.where
    return [index for index, value in enumerate(rows.column(name).to_pylist()) if value == wanted]


def _with(rows: pa.Table, column: str, at: int, value: Any) -> pa.Table:
    field = rows.schema.field(column)
    values = rows.column(column).to_pylist()
    values[at] = value
    changed = pa.array(values, field.type)
    return rows.set_column(rows.schema.get_field_index(column), field, changed)
