"""The wire: msgpack read by hand, so that the contracts' decoders are judged too.

Only what an intent, a command or a fill can be made of is read: one map with text keys. A value
that no field of ours can hold (an array, a map, an extension, text that is not UTF-8) is read
over and stands as ``OPAQUE``: it spoils the field that carries it, and nothing else.
"""

import struct
from typing import Final

OPAQUE: Final = object()
"""A value that is sound on the wire and no scalar of ours."""

_FIXED: Final = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_TEXT_LENGTH: Final = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_BYTES_LENGTH: Final = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}
_EXTENSION_LENGTH: Final = {0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}
_CONSTANT: Final = {0xC0: None, 0xC2: False, 0xC3: True}


class Unsound(ValueError):
    """The bytes are not one msgpack map with text keys and nothing after it.

    Attributes:
        offset: Where reading stopped.
    """

    def __init__(self, detail: str, offset: int) -> None:
        self.offset = offset
        super().__init__(f"{detail} at byte {offset}")


def read_map(data: bytes) -> list[tuple[object, object]]:
    """The entries of the map in ``data``, in order, repeated keys included. Raises Unsound.

    A key is text, or ``OPAQUE`` where it is text but not UTF-8.
    """
    reader = _Reader(data)
    entries = []
    for _ in range(reader.map_header()):
        if not reader.is_at_text():
            raise Unsound("a key that is no text", reader.offset)
        key = reader.value()
        entries.append((key, reader.value()))
    if reader.offset != len(data):
        raise Unsound("trailing bytes", reader.offset)
    return entries


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0

    def is_at_text(self) -> bool:
        if self.offset >= len(self._data):
            return False
        lead = self._data[self.offset]
        return 0xA0 <= lead <= 0xBF or lead in _TEXT_LENGTH

    def map_header(self) -> int:
        lead = self._take(1)[0]
        if 0x80 <= lead <= 0x8F:
            return lead & 0x0F
        if lead == 0xDE:
            return self._number(">H")
        if lead == 0xDF:
            return self._number(">I")
        raise Unsound("no map", 0)

    def value(self) -> object:
        found = self._one()
        if not isinstance(found, _Items):
            return found
        pending = found.count  # counted, not recursed: depth is the sender's choice
        while pending:
            item = self._one()
            pending += (item.count if isinstance(item, _Items) else 0) - 1
        return OPAQUE

    def _one(self) -> object:
        lead = self._take(1)[0]
        if lead < 0x80:
            return lead
        if lead >= 0xE0:
            return lead - 0x100
        if lead <= 0x8F:
            return _Items(2 * (lead & 0x0F))
        if lead <= 0x9F:
            return _Items(lead & 0x0F)
        if lead <= 0xBF:
            return self._text(lead & 0x1F)
        return self._long(lead)

    def _long(self, lead: int) -> object:
        if lead in _CONSTANT:
            return _CONSTANT[lead]
        if lead in _FIXED:
            return self._unpacked(_FIXED[lead])
        if lead in _TEXT_LENGTH:
            return self._text(self._number(_TEXT_LENGTH[lead]))
        if lead in _BYTES_LENGTH:
            return self._take(self._number(_BYTES_LENGTH[lead]))
        if 0xD4 <= lead <= 0xD8:
            self._take(1 + (1 << (lead - 0xD4)))
            return OPAQUE
        if lead in _EXTENSION_LENGTH:
            self._take(1 + self._number(_EXTENSION_LENGTH[lead]))
            return OPAQUE
        if 0xDC <= lead <= 0xDF:
            count = self._number(">H" if lead in (0xDC, 0xDE) else ">I")
            return _Items(count * (2 if lead >= 0xDE else 1))
        raise Unsound(f"{lead:#x} starts nothing", self.offset - 1)

    def _text(self, length: int) -> object:
        raw = self._take(length)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return OPAQUE

    def _number(self, form: str) -> int:
        return int(self._unpacked(form))

    def _unpacked(self, form: str) -> int | float:
        number: int | float = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return number

    def _take(self, length: int) -> bytes:
        end = self.offset + length
        if end > len(self._data):
            raise Unsound("cut short", self.offset)
        raw = self._data[self.offset : end]
        self.offset = end
        return raw


class _Items:
    """An array or a map was opened: so many values follow."""

    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count
