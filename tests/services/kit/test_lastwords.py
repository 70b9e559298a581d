"""What is told of a dead process. See services/kit/lastwords.py."""

from services.kit.lastwords import last_words


def test_the_last_line_with_text_is_told(tmp_path):
    file = tmp_path / "gate.out"
    file.write_text("first\ngate: limits.json: no such file\n\n  \n")

    assert last_words(file) == "gate: limits.json: no such file"


def test_a_structured_line_is_told_by_its_event_and_cause(tmp_path):
    file = tmp_path / "gate.jsonl"
    file.write_text('{"event": "service.failed", "cause": "disk full", "level": "error"}\n')

    assert last_words(file) == "service.failed (disk full)"


def test_lines_of_an_earlier_process_are_not_told(tmp_path):
    file = tmp_path / "gate.out"
    file.write_text("an old complaint\n")

    assert last_words(file, start=file.stat().st_size) == ""


def test_a_missing_file_has_no_words(tmp_path):
    assert last_words(tmp_path / "none") == ""
