"""Parquet files, read a stretch at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from streams.sources.errors import SourceInvalid
from streams.sources.ticks import CHUNK_ROWS

FIRST_ROW = 1


def describe(path: Path) -> tuple[list[str], dict[str, str]]:
    """Column names, and the notes that the file carries about itself. Raises SourceInvalid."""
    with _opened(path) as file:
        notes = file.schema_arrow.metadata or {}
        texts = {key.decode(): value.decode("utf-8", "replace") for key, value in notes.items()}
        return list(file.schema_arrow.names), texts


def read(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows in file order. Raises SourceInvalid where the file is damaged."""
    with _opened(path) as file:
        try:
            yield from file.iter_batches(batch_size=CHUNK_ROWS, columns=list(dict.fromkeys(names)))
        except (pa.ArrowException, OSError) as error:
            raise SourceInvalid(str(path), "", f"damaged ({error})", "a whole Parquet file") from error


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceInvalid(str(path), "", f"no Parquet ({error})", "a Parquet file") from error
