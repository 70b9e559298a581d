"""Trouble: how the command line says in one line what is wrong, and with which status it ends.

- click.ClickException
    - Trouble: something outside is not as it must be; status 1
    - click.UsageError: the command was written wrongly; status 2
        - Unknown: a name that does not exist; says which do
"""

import difflib
from collections.abc import Iterable

import click

OURS = ("contracts", "streams", "risk", "llm", "ops", "services")
NAMES_SHOWN = 12


class Trouble(click.ClickException):
    """Something expected went wrong: one line, status 1."""

    exit_code = 1


class Unknown(click.UsageError):
    """A name that does not exist.

    Attributes:
        kind: What it would name, such as ``run``.
        found: The name that was given.
        known: The names that would work.
    """

    def __init__(self, kind: str, found: str, known: Iterable[str]) -> None:
        self.kind, self.found, self.known = kind, found, sorted(known)
        super().__init__(f"no {kind} {found!r}; {would_work(found, self.known)}")


def would_work(found: str, known: list[str]) -> str:
    """The nearest names, or all of them where none is near."""
    if near := difflib.get_close_matches(found, known, n=3, cutoff=0.6):
        return f"did you mean {' or '.join(near)}?"
    if not known:
        return "there is none yet"
    shown = ", ".join(known[:NAMES_SHOWN])
    return f"there is: {shown}{', …' if len(known) > NAMES_SHOWN else ''}"


def is_expected(error: BaseException) -> bool:
    """Whether the error's own message is made for people: all of ours are, and the system's are.

    A broken invariant of ours is a defect, and never expected.
    """
    kind = type(error)
    if kind.__name__ == "InvariantViolated":
        return False
    return isinstance(error, OSError) or kind.__module__.split(".")[0] in OURS


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    if isinstance(error, BaseExceptionGroup):
        return one_line(error.exceptions[0])
    if isinstance(error, click.ClickException):
        return " ".join(error.format_message().split())
    text = " ".join(str(error).split())
    return text if is_expected(error) and text else f"{type(error).__name__}: {text}"


def with_way_out(error: click.UsageError) -> str:
    """What is wrong with a command line, and what would work."""
    text = one_line(error).rstrip(".")
    path = error.ctx.command_path if error.ctx else "penstock"
    names_it = text.endswith("?") or isinstance(error, Unknown)
    return text if names_it else f"{text} (`{path} --help` shows what would work)"
