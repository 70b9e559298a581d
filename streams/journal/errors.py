"""What can go wrong with the journal.

    JournalError
    ├── JournalUnwritable   the disk is full, a mode forbids it, something else lies there; may pass
    ├── JournalCorrupt      a frame of the gate's log is not what was written; will not pass
    └── FileUnreadable      a Parquet file is torn, foreign or damaged; will not pass

Each says which path, and what was found there.
"""

from pathlib import Path


class JournalError(Exception):
    """Base of everything this package raises."""


class JournalUnwritable(JournalError):
    """The journal cannot take a record now. Try again when the cause is gone.

    Attributes:
        path: What could not be written.
        cause: What the operating system, or our own check, found.
    """

    retryable = True

    def __init__(self, path: Path, cause: str) -> None:
        self.path, self.cause = path, cause
        super().__init__(f"{path} cannot be written: {cause}")


class FileUnreadable(JournalError):
    """A Parquet file of the journal cannot be read, or is no file of a journal.

    Attributes:
        path: The file.
        cause: What was found.
    """

    retryable = False

    def __init__(self, path: Path, cause: str) -> None:
        self.path, self.cause = path, cause
        super().__init__(f"{path} cannot be read: {cause}")


class JournalCorrupt(JournalError):
    """A file that was written whole holds something else now. Restore it from a copy.

    Attributes:
        path: The file.
        offset: Byte at which the first bad frame starts.
        seq: The record expected there.
        detail: What was found and what was expected.
    """

    retryable = False

    def __init__(self, path: Path, offset: int, seq: int, detail: str) -> None:
        self.path, self.offset, self.seq, self.detail = path, offset, seq, detail
        super().__init__(f"{path} is corrupt at byte {offset}, record {seq}: {detail}")
