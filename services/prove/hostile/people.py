"""People at the controls: commands that are good, and commands that must not work."""

import random
from collections.abc import Callable

import msgspec

from contracts import subjects
from services.prove.hostile.world import OPERATORS

_encode = msgspec.msgpack.Encoder().encode
NEVER_NS = 2**63 - 1


class People:
    """Makes commands. Every nonce comes from the seed; one may ask for an old one."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.used: list[str] = []
        self.nonce()

    def nonce(self) -> str:
        """A fresh nonce."""
        nonce = self._rng.randbytes(self._rng.randint(8, 32)).hex()
        self.used.append(nonce)
        return nonce

    def command(self, name: str, by: str, /, **changed: object) -> tuple[str, bytes]:
        """Subject and body of operator ``by``'s command, good but for what ``changed`` says."""
        fields: dict[str, object] = {
            "schema": "operator_command.v1",
            "command": name,
            "operator": by,
            "nonce": self.nonce(),
            "reason": "prove",
            "expires_ts_ns": NEVER_NS,
            "expected_gate_seq": 0,
        }
        return subjects.control(name, by), _encode({**fields, **changed})

    def kill(self, now_ns: int) -> tuple[str, bytes]:
        """A kill, most often with a body that no other command would get away with."""
        operator = self._rng.choice((*OPERATORS, "slm"))
        subject, body = self.command("kill", operator)
        bodies: tuple[Callable[[], bytes], ...] = (
            lambda: body,
            lambda: b"",
            lambda: self._rng.randbytes(40),
            lambda: body[:-3],
            lambda: self.command("kill", operator, expires_ts_ns=max(0, now_ns - 1))[1],
            lambda: self.command("kill", operator, nonce=self._rng.choice(self.used))[1],
            lambda: self.command("reset", "operator1")[1],
        )
        # A kill on a subject that nobody may use is a kill all the same.
        return self._rng.choices((subject, f"{subject}.x"), (9, 1))[0], self._rng.choice(bodies)()

    def abuse(self, now_ns: int, seen_seq: int) -> tuple[str, bytes]:
        """A command that must be refused whatever state trading is in, or that tries its luck."""
        one, two = self._rng.sample(OPERATORS, 2)
        good = {"expected_gate_seq": seen_seq}
        tricks: tuple[Callable[[], tuple[str, bytes]], ...] = (
            lambda: self.command("reset", one, expires_ts_ns=max(0, now_ns - 1), **good),
            lambda: self.command("reset", one, expires_ts_ns=max(0, now_ns), **good),
            lambda: self.command("reset", one, nonce=self._rng.choice(self.used), **good),
            lambda: self.command("reset", one, expected_gate_seq=max(0, seen_seq - 1)),
            lambda: self.command("reset", one, operator=two, **good),
            lambda: self.command("reset", one, command="reduce", **good),
            lambda: (subjects.control("reset", "slm"), self.command("reset", one, **good)[1]),
            lambda: (subjects.control("resume", one), self.command("reset", one, **good)[1]),
            lambda: self.command("resume", one, **good),
            lambda: (f"{subjects.control('reset', one)}.x", self.command("reset", one, **good)[1]),
            lambda: self._spoiled("reset", one, good),
            lambda: self.command("reduce", one),
            lambda: self.command("reset", one, **good),
        )
        return self._rng.choice(tricks)()

    def _spoiled(self, name: str, operator: str, good: dict[str, int]) -> tuple[str, bytes]:
        wrong: tuple[dict[str, object], ...] = (
            {"nonce": "short"},
            {"nonce": "ab" * 8 + "\n"},
            {"nonce": None},
            {"reason": ""},
            {"reason": "x" * 501},
            {"expires_ts_ns": -1},
            {"expires_ts_ns": 2**63},
            {"expected_gate_seq": 1.0},
            {"expected_gate_seq": -1},
            {"operator": "Operator1"},
            {"schema": "operator_command.v2"},
            {"extra": 1},
        )
        return self.command(name, operator, **{**good, **self._rng.choice(wrong)})
