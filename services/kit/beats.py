"""Heartbeats as they are heard: the newest of each service."""

from contracts import subjects
from contracts.codec import Undecodable, decode
from contracts.operations import Heartbeat
from streams.bus import Bus, Message


class Beats:
    """The newest heartbeat of each service of one run.

    Attributes:
        undecodable: Beats that could not be read; never an error, only counted.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.undecodable = 0
        self._newest: dict[str, Heartbeat] = {}

    async def listen(self, bus: Bus) -> None:
        """Hear the beats that come from now on."""
        await bus.subscribe(subjects.ALL_HEARTBEATS, self.on_message)

    def on_message(self, message: Message) -> None:
        """Take in one message of ``audit.heartbeat.<service>``."""
        try:
            beat = decode(Heartbeat, message.payload)
        except Undecodable:
            self.undecodable += 1
            return
        if beat.run_id == self.run_id and message.subject == subjects.heartbeat(beat.service):
            self._newest[beat.service] = beat

    def newest(self, service: str) -> Heartbeat | None:
        """Its newest beat, or None while it has not been heard."""
        return self._newest.get(service)

    def all(self) -> dict[str, Heartbeat]:
        """The newest beat of every service heard so far."""
        return dict(self._newest)
