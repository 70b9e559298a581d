"""Last words: the line that tells why a process ended."""

import json
from pathlib import Path

TAIL_BYTES = 16_384
WORDS_MAX = 400


def last_words(path: Path, start: int = 0) -> str:
    """The last line of a text or JSON-lines file, from byte ``start`` on, for one line of a message.

    Of a JSON line the level, the event and the cause are told. Empty where there is no line.
    """
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(start, end - TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    line = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return _told(line)[:WORDS_MAX]


def _told(line: str) -> str:
    try:
        fields = json.loads(line)
    except ValueError:
        return line
    if not isinstance(fields, dict) or "event" not in fields:
        return line
    cause = fields.get("cause")
    return f"{fields['event']} ({cause})" if cause else str(fields["event"])
