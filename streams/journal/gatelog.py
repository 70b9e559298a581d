"""The gate's log: every ``GateRecord`` in the one order that decides, synced before it decides.

A file is 8 magic bytes and then frames: length (u32), CRC-32 (u32), where the append that wrote it
begins (u64) and ends (u64), payload (the msgpack of one record), little-endian. The CRC covers the
frame's offset, the other numbers and the payload, so that a frame is whole only where it was
written: bytes that a hostile intent carries cannot pose as one. An append counts whole or not at
all, as it was synced. One appender, which locks the file; any number of readers, also meanwhile.
"""

import contextlib
import fcntl
import mmap
import os
import stat
import struct
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from zlib import crc32

from contracts.codec import Undecodable, decode
from contracts.gate import GateRecord
from streams.journal.errors import JournalCorrupt, JournalUnwritable

__all__ = ["FRAME_MAX", "Frame", "GateLog", "JournalCorrupt", "JournalUnwritable", "read_records"]

MAGIC = b"PSGATE02"
FRAME_MAX = 4 << 20
"""Bytes of one payload at the most: a message plus every mark, well above what a broker carries."""

_HEADER = struct.Struct("<IIQQ")


class Frame(NamedTuple):
    """One whole frame.

    Attributes:
        start, end: Where it starts, and where the next one does.
        append_start, append_end: The same of the append that wrote it.
    """

    start: int
    end: int
    append_start: int
    append_end: int
    payload: bytes


class GateLog:
    """The appender. Opening cuts a torn tail, and refuses a file that is damaged before its tail.

    The file is locked for as long as this lives: the gate is the single writer.

    Attributes:
        path: The file.
        seq: The last record in it; 0 when empty.
        cut_bytes: How much of a torn tail was cut when it was opened.
    """

    def __init__(self, path: Path, *, sync: bool = True) -> None:
        self.path = path
        self._is_synced = sync
        self.seq = 0
        self.cut_bytes = 0
        self._end = 0
        self._last: Frame | None = None
        self._fd = -1
        self._is_torn = False
        self._is_writing = False

    @classmethod
    def open(cls, path: Path, *, sync: bool = True) -> Self:
        """Open or make a log.

        Args:
            sync: False only where no gate relies on it: a rehearsal that can be made again.

        Raises JournalCorrupt, JournalUnwritable: also where another appender has it open.
        """
        log = cls(path, sync=sync)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=True)
            log._fd = _open_locked(path)
            frames = _Frames(path)
            for frame in frames:
                log._last = frame
                log.seq += 1
            log._end = frames.end
            log.cut_bytes = path.stat().st_size - frames.end
            log._restore()
        except OSError as error:
            log.close()
            raise JournalUnwritable(path, _cause(error)) from error
        except JournalCorrupt:
            log.close()
            raise
        return log

    def __del__(self) -> None:
        # Whoever forgets an appender must not keep the lock that goes with it.
        self.close()

    def append(self, *records: bytes) -> None:
        """Write records and sync them once. When it returns, they outlive a power cut.

        A failure leaves no torn frame: the next append first restores the file to what was whole.

        Raises:
            JournalUnwritable: none was kept; the same records may be tried again.
        """
        for record in records:
            if not 0 < len(record) <= FRAME_MAX:
                raise JournalUnwritable(
                    self.path, f"the record has {len(record)} bytes, expected 1 to {FRAME_MAX}"
                )
        if not records:
            return
        frames = _frames_of(self._end or len(MAGIC), records)
        self._is_writing = False
        try:
            self._assert_in_place()
            self._is_writing = True
            _write_all(self._fd, b"".join(map(_framed, frames)))
            if self._is_synced:
                os.fdatasync(self._fd)
        except OSError as error:
            self._undo()
            raise JournalUnwritable(self.path, _cause(error)) from error
        self._last = frames[-1]
        self._end = self._last.end
        self.seq += len(frames)

    def close(self) -> None:
        """Give up the file. Nothing is pending: each append has synced."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _assert_in_place(self) -> None:
        # An open descriptor outlives a chmod, a move and a deletion, so ask the path each time:
        # what nobody can find again has not been journaled. Modes are read, not tried, because
        # they do not bind root and the operator who set them meant it.
        refuse_mode(self.path.parent)
        found = refuse_mode(self.path)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is not a regular file any more")
        if self._fd >= 0:
            held = os.fstat(self._fd)
            if (held.st_dev, held.st_ino) != (found.st_dev, found.st_ino):
                self.close()
        if self._fd < 0:
            self._fd = _open_locked(self.path)
            self._is_torn = True
        if self._is_torn:
            self._restore()
        elif found.st_size != self._end:
            raise OSError(f"it has {found.st_size} bytes, expected {self._end}: somebody else writes to it")

    def _restore(self) -> None:
        """Make the file hold what was whole, and only that."""
        size = os.fstat(self._fd).st_size
        if size < self._end or not self._ends_with_last():
            self.close()
            raise OSError(f"it is not the file that {self.seq} records were written to")
        if size > self._end:
            os.ftruncate(self._fd, self._end)
        if self._end == 0:
            _write_all(self._fd, MAGIC)
            self._end = len(MAGIC)
        os.fsync(self._fd)
        _sync_folder(self.path.parent)
        self._is_torn = False

    def _ends_with_last(self) -> bool:
        if self._last is None:
            return True
        start, end = self._last.start, self._last.end
        return os.pread(self._fd, end - start, start) == _framed(self._last)

    def _undo(self) -> None:
        # Only what an append of ours may have left: bytes of another writer are not ours to cut.
        if self._fd < 0 or not self._is_writing:
            return
        self._is_torn = True
        with contextlib.suppress(OSError):  # where even this fails, _restore does it first
            os.ftruncate(self._fd, self._end)


def read_records(path: Path, after: int = 0) -> Iterator[GateRecord]:
    """The records in order, those up to sequence ``after`` checked for damage but left out.

    A torn tail ends the iteration: its record was never decided on. No file is no records.

    Raises:
        JournalCorrupt: a frame is damaged, is no record, or is not the next one.
    """
    for seq, frame in enumerate(_Frames(path) if path.exists() else (), start=1):
        if seq <= after:
            continue
        try:
            record = decode(GateRecord, frame.payload)
        except Undecodable as error:
            raise JournalCorrupt(path, frame.start, seq, str(error)) from error
        if record.seq != seq:
            raise JournalCorrupt(path, frame.start, seq, f"found record {record.seq}, expected {seq}")
        yield record


def refuse_mode(path: Path) -> os.stat_result:
    """The path's status. Raises OSError where its mode lets its owner not write."""
    found = path.stat()
    if not found.st_mode & stat.S_IWUSR:
        raise OSError(f"mode {stat.filemode(found.st_mode)} of {path} forbids writing")
    return found


class _Frames:
    """Iterates over the frames of the whole appends of a file; ``end`` is then where they stop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.end = 0

    def __iter__(self) -> Iterator[Frame]:
        with self._path.open("rb") as file:
            magic = file.read(len(MAGIC))
            if magic != MAGIC:
                if MAGIC.startswith(magic):
                    return
                detail = f"starts with {magic!r}, expected {MAGIC!r}: not a gate log"
                raise JournalCorrupt(self._path, 0, 1, detail)
            self.end, seq = len(MAGIC), 1
            append: list[Frame] = []
            while (frame := _next_frame(file, append[-1].end if append else self.end)) is not None:
                append.append(frame)
                if frame.end == frame.append_end:
                    yield from append
                    self.end, seq = frame.end, seq + len(append)
                    append = []
            damaged = append[-1].end if append else self.end
            later = _later_append(file, damaged)
        if later is not None:
            detail = f"its checksum does not hold, and a later append is whole at byte {later}"
            raise JournalCorrupt(self._path, damaged, seq + len(append), detail)


def _next_frame(file: BufferedReader, start: int) -> Frame | None:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    length, checksum, append_start, append_end = _HEADER.unpack(header)
    end = start + _HEADER.size + length
    if not (0 < length <= FRAME_MAX and append_start <= start and end <= append_end):
        return None
    frame = Frame(start, end, append_start, append_end, file.read(length))
    return frame if len(frame.payload) == length and _checksum(frame) == checksum else None


def _later_append(file: BufferedReader, damaged: int) -> int | None:
    # Frames of one append reach the disk in any order, so one behind the damage may be whole though
    # none of them was ever synced. A frame of an append that began behind the damage is different:
    # it was written when the one before had been synced, so the damage came later.
    size = os.fstat(file.fileno()).st_size
    if size <= damaged:
        return None
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as content:
        for start in range(damaged + 1, size - _HEADER.size):
            length, checksum, append_start, append_end = _HEADER.unpack_from(content, start)
            end = start + _HEADER.size + length
            if not (damaged < append_start <= start and end <= append_end and end <= size):
                continue
            if not 0 < length <= FRAME_MAX:
                continue
            payload = content[start + _HEADER.size : end]
            if _checksum(Frame(start, end, append_start, append_end, payload)) == checksum:
                return start
    return None


def _frames_of(start: int, records: tuple[bytes, ...]) -> list[Frame]:
    frames: list[Frame] = []
    append_end = start + sum(_HEADER.size + len(record) for record in records)
    at = start
    for record in records:
        end = at + _HEADER.size + len(record)
        frames.append(Frame(at, end, start, append_end, record))
        at = end
    return frames


def _open_locked(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise OSError("another appender has it open: one gate writes one log") from None
    except OSError:
        os.close(fd)
        raise
    return fd


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    if written != len(data):
        raise OSError(f"{written} of {len(data)} bytes were taken: the disk is full")


def _framed(frame: Frame) -> bytes:
    numbers = (len(frame.payload), _checksum(frame), frame.append_start, frame.append_end)
    return _HEADER.pack(*numbers) + frame.payload


def _checksum(frame: Frame) -> int:
    numbers = struct.pack("<QIQQ", frame.start, len(frame.payload), frame.append_start, frame.append_end)
    return crc32(frame.payload, crc32(numbers))


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _cause(error: OSError) -> str:
    return error.strerror or str(error)
