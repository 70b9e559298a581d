"""The gate's log: every ``GateRecord`` in the one order that decides, synced before it decides.

A file is 8 magic bytes and then frames: length (u32), CRC-32 (u32), payload (the msgpack of one
record), little-endian. The CRC covers the frame's offset, the length and the payload, so that a
frame is whole only where it was written: bytes that a hostile intent carries cannot pose as one.
One appender; any number of readers, also meanwhile.
"""

import contextlib
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

MAGIC = b"PSGATE01"
FRAME_MAX = 4 << 20
"""Bytes of one payload at the most: a message plus every mark, well above what a broker carries."""

_HEADER = struct.Struct("<II")


class Frame(NamedTuple):
    """One whole frame: where it starts, where the next one does, and what it holds."""

    start: int
    end: int
    payload: bytes


class GateLog:
    """The appender. Opening cuts a torn tail, and refuses a file that is damaged before its tail.

    Not safe for two processes at once: the gate is the single writer.

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

    @classmethod
    def open(cls, path: Path, *, sync: bool = True) -> Self:
        """Open or make a log.

        Args:
            sync: False only where no gate relies on it: a rehearsal that can be made again.

        Raises JournalCorrupt, JournalUnwritable.
        """
        log = cls(path, sync=sync)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=True)
            frames = _Frames(path)
            for frame in frames:
                log._last = frame
                log.seq += 1
            log._end = frames.end
            log.cut_bytes = path.stat().st_size - frames.end
            log._reopen()
        except OSError as error:
            log.close()
            raise JournalUnwritable(path, _cause(error)) from error
        return log

    def append(self, *records: bytes) -> None:
        """Write records and sync them once. When it returns, they outlive a power cut.

        A failure leaves no torn frame: the next append first restores the file to what was whole.

        Raises:
            JournalUnwritable: none was kept; the same records may be tried again.
        """
        frames: list[Frame] = []
        written = bytearray()
        for record in records:
            if not 0 < len(record) <= FRAME_MAX:
                raise JournalUnwritable(
                    self.path, f"the record has {len(record)} bytes, expected 1 to {FRAME_MAX}"
                )
            start = (self._end or len(MAGIC)) + len(written)
            written += _framed(start, record)
            frames.append(Frame(start, (self._end or len(MAGIC)) + len(written), record))
        try:
            self._assert_in_place()
            if self._fd < 0:
                self._reopen()
            _write_all(self._fd, bytes(written))
            if self._is_synced:
                os.fdatasync(self._fd)
        except OSError as error:
            self._undo()
            raise JournalUnwritable(self.path, _cause(error)) from error
        if frames:
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

    def _reopen(self) -> None:
        """Open for appending what was whole, and only that."""
        fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            self._restore(fd)
            os.fsync(fd)
            _sync_folder(self.path.parent)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd

    def _restore(self, fd: int) -> None:
        size = os.fstat(fd).st_size
        if size < self._end or not self._ends_with_last(fd):
            raise OSError(f"it is not the file that {self.seq} records were written to")
        if size > self._end:
            os.ftruncate(fd, self._end)
        if self._end == 0:
            _write_all(fd, MAGIC)
            self._end = len(MAGIC)

    def _ends_with_last(self, fd: int) -> bool:
        if self._last is None:
            return True
        start, end, payload = self._last
        return os.pread(fd, end - start, start) == _framed(start, payload)

    def _undo(self) -> None:
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):  # where even this fails, _restore does it first
            os.ftruncate(self._fd, self._end)
        self.close()


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
    """Iterates over the whole frames of a file; ``end`` is then where they stop."""

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
            while (frame := _next_frame(file, self.end)) is not None:
                yield frame
                self.end, seq = frame.end, seq + 1
            file.seek(self.end)
            later = _later_frame(file.read(2 * FRAME_MAX), self.end)
        if later is not None:
            detail = f"its checksum does not hold, and a whole frame follows at byte {later}"
            raise JournalCorrupt(self._path, self.end, seq, detail)


def _next_frame(file: BufferedReader, start: int) -> Frame | None:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(header)
    if not 0 < length <= FRAME_MAX:
        return None
    payload = file.read(length)
    if len(payload) < length or _checksum(start, payload) != checksum:
        return None
    return Frame(start, start + _HEADER.size + length, payload)


def _later_frame(tail: bytes, base: int) -> int | None:
    # One append is one write of one frame, so a torn tail holds no whole frame behind its start;
    # anything that does was written whole and damaged since.
    for start in range(1, len(tail) - _HEADER.size):
        length, checksum = _HEADER.unpack_from(tail, start)
        end = start + _HEADER.size + length
        if 0 < length <= FRAME_MAX and end <= len(tail):
            payload = tail[start + _HEADER.size : end]
            if _checksum(base + start, payload) == checksum:
                return base + start
    return None


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    if written != len(data):
        raise OSError(f"{written} of {len(data)} bytes were taken: the disk is full")


def _framed(start: int, payload: bytes) -> bytes:
    return _HEADER.pack(len(payload), _checksum(start, payload)) + payload


def _checksum(start: int, payload: bytes) -> int:
    return crc32(payload, crc32(start.to_bytes(8, "little") + len(payload).to_bytes(4, "little")))


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _cause(error: OSError) -> str:
    return error.strerror or str(error)
