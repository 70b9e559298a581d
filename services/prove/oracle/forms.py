"""The forms of an intent, a command and a fill, as the contracts' pages state them, checked by hand."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from services.prove.oracle.wire import Unsound, read_map

Field = Callable[[object], bool]
Entries = list[tuple[object, object]]

_INT64: Final = 2**63 - 1


def text(pattern: str, longest: int = 1_000_000) -> Field:
    """Text that ``pattern`` matches from its first character to its last."""
    whole = re.compile(pattern, re.DOTALL)
    return lambda value: isinstance(value, str) and len(value) <= longest and bool(whole.fullmatch(value))


def integer(low: int, high: int) -> Field:
    """A whole number; neither a bool nor a float stands for one."""
    return lambda value: type(value) is int and low <= value <= high


def amount(high: float) -> Field:
    """A finite number from 0 up to ``high``."""

    def holds(value: object) -> bool:
        if type(value) is int:
            return 0 <= value <= high
        return type(value) is float and math.isfinite(value) and 0.0 <= value <= high

    return holds


def one_of(*words: str) -> Field:
    """One of these words."""
    return lambda value: isinstance(value, str) and value in words


_DIGEST: Final = text(r"[0-9a-f]{32,128}")
_NAME: Final = text(r"[a-z][a-z0-9_]{0,31}")
_COUNT: Final = integer(0, _INT64)
_FREE: Final = text(r".*")

INTENT: Final[Mapping[str, Field]] = {
    "schema": one_of("intent.v1"),
    "symbol": text(r"[A-Z0-9]{1,16}([./=_-][A-Z0-9]{1,12}){0,2}", 32),
    "side": one_of("long", "short", "flat"),
    "target_notional": amount(1e12),
    "urgency": one_of("low", "medium", "high"),
    "max_slippage_bps": integer(0, 10_000),
    "intent_id": _DIGEST,
    "strategy_id": _NAME,
    "ts_event_ns": _COUNT,
    "basis_source": text(r"[a-z0-9][a-z0-9._-]{0,47}"),
    "basis_seq": _COUNT,
    "basis_ts_ns": _COUNT,
}
INTENT_OPTIONAL: Final[Mapping[str, Field]] = {
    "explain": text(r".*", 250),
    "ts_recv_ns": _COUNT,
    "prompt_hash": text(r"([0-9a-f]{32,128})?"),
    "req_id": text(r".*", 64),
}
COMMAND: Final[Mapping[str, Field]] = {
    "schema": one_of("operator_command.v1"),
    "command": one_of("kill", "reset", "reduce"),
    "operator": _NAME,
    "nonce": text(r"[0-9a-f]{16,64}"),
    "reason": text(r".{1,500}"),
    "expires_ts_ns": _COUNT,
    "expected_gate_seq": _COUNT,
}
FILL: Final[Mapping[str, Field]] = {
    "schema": one_of("fill.v1"),
    "fill_id": _DIGEST,
    "intent_id": _DIGEST,
    "principal": _NAME,
    "strategy_id": _FREE,
    "symbol": _FREE,
    "lots": integer(-(2**53), 2**53),
    "price_micro": _COUNT,
    "ts_event_ns": _COUNT,
}


def read_intent(body: bytes) -> dict[str, object] | None:
    """The intent in ``body``, or None. Fields that it does not know are read over."""
    return _checked(_entries(body), INTENT, INTENT_OPTIONAL, is_strict=False)


def read_fill(body: bytes) -> dict[str, object] | None:
    """The fill in ``body``, or None."""
    return _checked(_entries(body), FILL, {}, is_strict=False)


def read_command(body: bytes) -> dict[str, object] | None:
    """The command in ``body``, or None. A field that it does not know spoils it."""
    return _checked(_entries(body), COMMAND, {}, is_strict=True)


def shown_id(body: bytes) -> str | None:
    """The well-formed ``intent_id`` that ``body`` shows, whatever else is wrong with it."""
    shown = [value for key, value in _entries(body) or [] if key == "intent_id"]
    if shown and all(_DIGEST(value) for value in shown):
        return str(shown[-1])
    return None


def _entries(body: bytes) -> Entries | None:
    try:
        return read_map(body)
    except Unsound:
        return None


def _checked(
    entries: Entries | None, required: Mapping[str, Field], optional: Mapping[str, Field], *, is_strict: bool
) -> dict[str, object] | None:
    if entries is None:
        return None
    found: dict[str, object] = {}
    for key, value in entries:
        field = (required.get(key) or optional.get(key)) if isinstance(key, str) else None
        if field is None:
            if is_strict:
                return None
            continue
        if not field(value):
            return None
        found[str(key)] = value
    return found if required.keys() <= found.keys() else None
