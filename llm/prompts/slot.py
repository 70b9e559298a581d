"""Slots: where foreign text stands in a prompt, and cannot get out of.

A slot begins and ends with a line in square brackets, and its one line of content begins with a
bar. Brackets, bars, and whatever else a chat template or a model reads as a mark are written as
other characters, and so is every line break: the content has no means to end its slot.
"""

from typing import Final

from contracts.scalars import MILLISECOND_NS
from contracts.slm import ForeignText

UNSHOWN: Final = "?"
"""Stands for a character that is not shown."""

_INSTEAD: Final = {"<": "(", ">": ")", "[": "(", "]": ")", "{": "(", "}": ")", "|": "/", "\\": "/", "`": "'"}
_SHOWN: Final = (
    (0x20, 0x7E),
    (0xA1, 0xAC),
    (0xAE, 0x24F),  # Latin, without the soft hyphen
    (0x370, 0x52F),  # Greek and Cyrillic
    (0x2013, 0x201D),
    (0x20AC, 0x20AC),
    (0x3041, 0x30FF),  # kana
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),  # hangul
)
"""Fixed here: what the interpreter's tables call printable changes with its version, and with it a
prompt's hash. Left out are controls, formatting, whatever turns the direction of text, and the wide
forms of ASCII, which a tokenizer may turn back into marks."""


def slot(number: int, foreign: ForeignText, now_ns: int) -> str:
    """Three lines: the opening mark, the text, the closing mark.

    Args:
        number: Counts the slots of one prompt from 1, so that no two have one name.
        now_ns: Event time of the request; the text's age is told, not its time.
    """
    name = f"{foreign.slot} {number}"
    age_ms = (now_ns - foreign.ts_event_ns) // MILLISECOND_NS
    return f"[{name}] from {foreign.source}, {age_ms} ms old\n| {shown(foreign.text)}\n[end {name}]"


def shown(text: str) -> str:
    """Foreign text as one line without marks, of as many characters."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in _INSTEAD:
        return _INSTEAD[character]
    if character in "\t\n\r":
        return " "
    code = ord(character)
    return character if any(first <= code <= last for first, last in _SHOWN) else UNSHOWN
