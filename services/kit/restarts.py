"""Restarts: how often a died service may come back, and after which pause."""

from collections import deque

from msgspec import Struct

MUST_NOT_RETURN = 3
"""Exit status of a service that another start could only harm: it is never brought back."""


class RestartPolicy(Struct, frozen=True, kw_only=True):
    """A bound on restarts, so that a service that cannot work does not loop for ever.

    Attributes:
        restarts_max: Within ``window_s``; the next death is the last one. 0 means never.
        window_s: How long a restart counts.
        pause_s: Before the first restart; each further one within the window doubles it.
        pause_max_s: It never grows beyond this.
    """

    restarts_max: int = 3
    window_s: float = 60.0
    pause_s: float = 0.2
    pause_max_s: float = 2.0


class RestartBudget:
    """What is left of a policy, one count a service. Time comes in as an argument."""

    def __init__(self, policy: RestartPolicy) -> None:
        self.policy = policy
        self._restarts_s: dict[str, deque[float]] = {}

    def spend(self, service: str, now_s: float) -> float | None:
        """The pause in seconds before ``service`` may start again, or None where it may not."""
        spent = self._restarts_s.setdefault(service, deque())
        while spent and now_s - spent[0] >= self.policy.window_s:
            spent.popleft()
        if len(spent) >= self.policy.restarts_max:
            return None
        pause_s = min(self.policy.pause_s * 2.0 ** len(spent), self.policy.pause_max_s)
        spent.append(now_s)
        return pause_s
