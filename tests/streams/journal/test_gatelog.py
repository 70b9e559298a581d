"""The gate's log: what was appended is there, whole, or the append said that it is not."""

import resource
import signal
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import encode
from contracts.gate import GateRecord, RecordKind
from streams.journal.gatelog import FRAME_MAX, MAGIC, GateLog, JournalCorrupt, JournalUnwritable, read_records


def record(seq, body=b""):
    return GateRecord(seq=seq, kind=RecordKind.INTENT, gate_ts_ns=seq * 10, body=body)


def write(path, count, body=b"x" * 50):
    with GateLog.open(path) as log:
        for seq in range(log.seq + 1, log.seq + count + 1):
            log.append(encode(record(seq, body)))
    return path


@contextmanager
def file_size_limit(size):
    """No file of this process may grow beyond ``size``, as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


def seqs(path):
    return [found.seq for found in read_records(path)]


def test_reads_back_what_was_appended_over_several_openings(tmp_path):
    path = write(write(tmp_path / "gate" / "records.log", 3), 2, b"y")

    records = list(read_records(path))

    assert [found.seq for found in records] == [1, 2, 3, 4, 5]
    assert records[4] == record(5, b"y")
    assert list(read_records(path, after=3)) == records[3:]


def test_a_missing_log_has_no_records(tmp_path):
    assert seqs(tmp_path / "records.log") == []


@given(cut=st.integers(1, 90))
def test_a_torn_tail_is_cut_and_the_log_goes_on(tmp_path_factory, cut):
    path = write(tmp_path_factory.mktemp("log") / "records.log", 3)
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes()[: whole - cut])
    before = seqs(path)

    with GateLog.open(path) as log:
        assert log.seq == len(before) == 2
        log.append(encode(record(3)))

    assert seqs(path) == [1, 2, 3]


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\x40\x00\x00\x00abcd" + b"\x01" * 20, MAGIC])
def test_bytes_behind_the_last_record_that_are_no_record_are_cut(tmp_path, tail):
    path = write(tmp_path / "records.log", 2)
    path.write_bytes(path.read_bytes() + tail)

    with GateLog.open(path) as log:
        assert (log.seq, log.cut_bytes) == (2, len(tail))
    assert seqs(path) == [1, 2]


@given(data=st.data())
def test_any_byte_changed_before_the_last_record_is_named_with_its_place(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("log") / "records.log", 4)
    content = bytearray(path.read_bytes())
    frame = (len(content) - len(MAGIC)) // 4
    at = data.draw(st.integers(len(MAGIC), len(content) - frame - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    seq = (at - len(MAGIC)) // frame + 1

    with pytest.raises(JournalCorrupt) as caught:
        list(read_records(path))
    with pytest.raises(JournalCorrupt):
        GateLog.open(path)

    assert (caught.value.seq, caught.value.offset) == (seq, len(MAGIC) + (seq - 1) * frame)
    assert f"{path} is corrupt" in str(caught.value)
    assert f"record {seq}" in str(caught.value)


def test_a_file_that_is_no_gate_log_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "records.log"
    path.write_bytes(b"PAR1" * 10)

    with pytest.raises(JournalCorrupt, match="not a gate log"):
        GateLog.open(path)
    assert path.read_bytes() == b"PAR1" * 10


def test_a_hole_in_the_sequence_is_named(tmp_path):
    with GateLog.open(tmp_path / "records.log") as log:
        log.append(encode(record(1)))
        log.append(encode(record(3)))

    with pytest.raises(JournalCorrupt, match="found record 3, expected 2"):
        list(read_records(log.path))


def test_a_full_disk_refuses_the_record_whole_and_the_next_one_is_taken_when_there_is_room(tmp_path):
    path = write(tmp_path / "records.log", 2)
    size = path.stat().st_size
    with GateLog.open(path) as log:
        for room in (0, 1, 9, 40):
            with file_size_limit(size + room), pytest.raises(JournalUnwritable) as caught:
                log.append(encode(record(3, b"z" * 100)))
            assert caught.value.path == path
            assert path.stat().st_size == size, f"torn frame after {room} bytes"
            assert seqs(path) == [1, 2]
        log.append(encode(record(3, b"z" * 100)))

    assert seqs(path) == [1, 2, 3]


def test_a_tail_that_could_not_be_cut_at_once_is_cut_before_the_next_record(tmp_path, monkeypatch):
    path = write(tmp_path / "records.log", 2)

    def refuse(fd, size):
        raise OSError(5, "Input/output error")

    with GateLog.open(path) as log:
        with monkeypatch.context() as patch, file_size_limit(path.stat().st_size + 20):
            patch.setattr("os.ftruncate", refuse)
            with pytest.raises(JournalUnwritable):
                log.append(encode(record(3, b"z" * 100)))
        assert seqs(path) == [1, 2]  # a reader passes over the torn frame
        log.append(encode(record(3)))

    assert seqs(path) == [1, 2, 3]


@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_mode_that_forbids_writing_is_obeyed_even_by_root_and_even_when_the_file_is_open(tmp_path, which):
    path = write(tmp_path / "gate" / "records.log", 1)
    target, mode = (path, 0o444) if which == "file" else (path.parent, 0o555)
    with GateLog.open(path) as log:
        restore = target.stat().st_mode
        target.chmod(mode)
        with pytest.raises(JournalUnwritable, match="forbids writing"):
            log.append(encode(record(2)))
        target.chmod(restore)
        log.append(encode(record(2)))

    assert seqs(path) == [1, 2]


def test_a_log_that_was_moved_away_or_replaced_is_not_written_to_behind_its_name(tmp_path):
    path = write(tmp_path / "records.log", 2)
    aside = tmp_path / "aside"
    with GateLog.open(path) as log:
        path.rename(aside)
        with pytest.raises(JournalUnwritable):
            log.append(encode(record(3)))
        path.mkdir()
        with pytest.raises(JournalUnwritable, match="not a regular file"):
            log.append(encode(record(3)))
        path.rmdir()
        write(path, 5, b"another run")
        with pytest.raises(JournalUnwritable, match="not the file that 2 records were written to"):
            log.append(encode(record(3)))
        aside.replace(path)
        log.append(encode(record(3)))

    assert seqs(path) == [1, 2, 3]


def test_a_record_that_no_reader_would_take_is_refused(tmp_path):
    with GateLog.open(tmp_path / "records.log") as log:
        for body in (b"", b"x" * (FRAME_MAX + 1)):
            with pytest.raises(JournalUnwritable, match="expected 1 to"):
                log.append(body)


def test_a_frame_inside_a_torn_record_is_not_taken_for_a_record(tmp_path):
    inner = write(tmp_path / "other.log", 1).read_bytes()[len(MAGIC) :]
    path = write(tmp_path / "records.log", 2)
    with GateLog.open(path) as log:
        log.append(encode(record(3, inner * 3)))
    path.write_bytes(path.read_bytes()[:-10])

    with GateLog.open(path) as log:
        assert log.seq == 2


@pytest.mark.parametrize("lost", [(0, 10), (0, 4096), (5100, 9000), (14_000, 14_500)])
def test_an_append_of_several_records_that_lost_any_part_is_cut_whole(tmp_path, lost):
    """Pages reach the disk in any order: a later frame of the append may be whole and none was synced."""
    path = write(tmp_path / "records.log", 2)
    before = path.read_bytes()
    with GateLog.open(path) as log:
        log.append(*(encode(record(seq, b"z" * 5000)) for seq in (3, 4, 5)))
    content = bytearray(path.read_bytes())
    start, end = (len(before) + at for at in lost)
    content[start:end] = bytes(end - start)
    path.write_bytes(content)

    assert seqs(path) == [1, 2]
    with GateLog.open(path) as log:
        assert (log.seq, log.cut_bytes) == (2, len(content) - len(before))
    assert path.read_bytes() == before


def test_an_append_of_several_records_that_was_cut_short_is_cut_whole(tmp_path):
    path = write(tmp_path / "records.log", 2)
    with GateLog.open(path) as log:
        log.append(*(encode(record(seq)) for seq in (3, 4, 5)))
    path.write_bytes(path.read_bytes()[:-1])

    assert seqs(path) == [1, 2]


def test_damage_in_an_append_behind_which_another_was_synced_is_corruption(tmp_path):
    path = write(tmp_path / "records.log", 2)
    size = path.stat().st_size
    with GateLog.open(path) as log:
        log.append(*(encode(record(seq, b"z" * 5000)) for seq in (3, 4, 5)))
        log.append(encode(record(6)))
    content = bytearray(path.read_bytes())
    content[size + 5500 : size + 9000] = bytes(3500)
    path.write_bytes(content)

    with pytest.raises(JournalCorrupt) as caught:
        GateLog.open(path)

    assert caught.value.seq == 4


def test_a_second_appender_is_refused_until_the_first_is_closed(tmp_path):
    path = write(tmp_path / "records.log", 1)
    with GateLog.open(path) as log:
        with pytest.raises(JournalUnwritable, match="another appender has it open"):
            GateLog.open(path)
        log.append(encode(record(2)))
        assert seqs(path) == [1, 2]

    assert seqs(write(path, 1)) == [1, 2, 3]


def test_bytes_that_somebody_else_wrote_are_neither_written_behind_nor_cut(tmp_path):
    path = write(tmp_path / "records.log", 1)
    with GateLog.open(path) as log:
        with path.open("ab") as other:
            other.write(b"not ours")
        size = path.stat().st_size
        for _ in range(2):
            with pytest.raises(JournalUnwritable, match="somebody else writes to it"):
                log.append(encode(record(2)))

    assert path.stat().st_size == size
