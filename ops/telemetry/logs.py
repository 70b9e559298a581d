"""Structured logs: an event name and fields, one JSON object a line.

No prompt, no payload, no secret: what is logged is named field by field.
"""

import contextlib
import io
import logging
from pathlib import Path
from typing import TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

SECRET_FIELDS = frozenset({"seed", "password", "token", "secret", "nkey"})


class SecretLogged(ValueError):
    """A log call carried a field that may hold a secret."""


def open_log(service: str, run_id: str, directory: Path, level: str) -> FilteringBoundLogger:
    """The log of one process, appended to ``<directory>/<service>.jsonl``."""
    logger = structlog.wrap_logger(
        structlog.PrintLogger(cast("TextIO", _Lines(directory / f"{service}.jsonl"))),
        processors=[
            _refuse_secrets,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        service=service,
        run_id=run_id,
    )
    return cast("FilteringBoundLogger", logger)


class _Lines(io.TextIOBase):
    """A file of lines whose full disk is no reason for a service to stop.

    Attributes:
        lost: Lines that could not be written.
    """

    def __init__(self, path: Path) -> None:
        self.lost = 0
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError:
            self.lost += 1
            return len(text)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        super().close()

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: closed already
            self._file.flush()


def _refuse_secrets(
    _logger: object, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if leaked := SECRET_FIELDS & fields.keys():
        raise SecretLogged(f"log fields {sorted(leaked)} may hold secrets; name what is logged otherwise")
    return fields
