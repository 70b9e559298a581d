"""A prompt: one versioned file of ours, in two parts."""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from msgspec import Struct

TEXTS: Final = files("llm.prompts") / "texts"
OF_TASK: Final = {"propose": "propose.v1"}
"""The version in use for each task. A change here is a change to what the model is asked."""

_SYSTEM, _USER = "== system\n", "== user\n"


class Prompt(Struct, frozen=True, kw_only=True):
    """A text with named places, as ``str.format`` fills them.

    Attributes:
        prompt_id: The file's name, with its version.
        file_hash: SHA-256 of the file.
    """

    prompt_id: str
    system: str
    user: str
    file_hash: str


class PromptMissing(LookupError):
    """There is no prompt for it.

    Attributes:
        found: The task or prompt that was asked for.
        expected: What there is.
    """

    def __init__(self, found: str, expected: tuple[str, ...]) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"no prompt for {found!r}; expected one of {', '.join(expected)}")


def tasks() -> tuple[str, ...]:
    """Every task that has a prompt."""
    return tuple(OF_TASK)


def prompt_of_task(task: str) -> Prompt:
    """The prompt in use for a task. Raises PromptMissing."""
    if task not in OF_TASK:
        raise PromptMissing(task, tasks())
    return load(OF_TASK[task])


@cache
def load(prompt_id: str) -> Prompt:
    """One version of a prompt. Raises PromptMissing."""
    kept = tuple(sorted(entry.name.removesuffix(".txt") for entry in TEXTS.iterdir()))
    if prompt_id not in kept:
        raise PromptMissing(prompt_id, kept)
    data = (TEXTS / f"{prompt_id}.txt").read_bytes()
    before, _, parts = data.decode().partition(_SYSTEM)
    system, _, user = parts.partition(_USER)
    assert not before, f"{prompt_id} begins with {_SYSTEM!r}"
    assert user, f"{prompt_id} has a part {_USER!r}"
    return Prompt(
        prompt_id=prompt_id,
        system=system.format().strip(),
        user=user.strip(),
        file_hash=sha256(data).hexdigest(),
    )
