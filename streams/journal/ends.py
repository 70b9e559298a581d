"""The end marker: how far each stream went when the recorder stopped cleanly.

It lies in the journal folder as ``ends.json`` from a clean stop to the next start. A journal with
it is whole up to there, or files are gone; a journal without it may end anywhere.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from streams.journal.errors import FileUnreadable, JournalUnwritable

ENDS = "ends.json"


def write_ends(folder: Path, ends: Mapping[str, int]) -> None:
    """Say that everything up to these sequences (0: nothing) has been flushed. Raises JournalUnwritable."""
    path = folder / ENDS
    draft = path.with_name(f".{ENDS}")
    try:
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(dict(sorted(ends.items()))) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise JournalUnwritable(path, error.strerror or str(error)) from error


def read_ends(folder: Path) -> dict[str, int] | None:
    """The last sequence of each stream; None where no recorder stopped cleanly. Raises FileUnreadable."""
    path = folder / ENDS
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise FileUnreadable(path, str(error)) from error


def forget_ends(folder: Path) -> None:
    """Take the marker away before more is written. Raises JournalUnwritable."""
    try:
        (folder / ENDS).unlink(missing_ok=True)
    except OSError as error:
        raise JournalUnwritable(folder / ENDS, error.strerror or str(error)) from error
