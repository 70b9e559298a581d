"""Silence: for how long a service has not been heard, by whoever listens."""

LOOK_S_MAX = 0.5


class Silences:
    """How long the newest beat of each service has been the newest. Time comes in as an argument."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, float, float]] = {}

    def of(self, service: str, newest_ns: int, now_s: float) -> float:
        """Seconds in which no beat came after the one of ``newest_ns``.

        From one look to the next counts for ``LOOK_S_MAX`` at most: of a stretch in which the
        listener itself stood still it does not know who spoke.
        """
        known_ns, looked_s, silent_s = self._since.get(service, (newest_ns, now_s, 0.0))
        silent_s = silent_s + min(now_s - looked_s, LOOK_S_MAX) if known_ns == newest_ns else 0.0
        self._since[service] = (newest_ns, now_s, silent_s)
        return silent_s

    def forget(self) -> None:
        """Begin anew: nobody could be heard."""
        self._since.clear()
