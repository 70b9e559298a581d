"""The drill: a few intents that nobody can read, so that a circuit breaker is seen to open."""

import json

import msgspec

from contracts import subjects
from contracts.identity import digest
from services.cli.buses import open_bus
from services.cli.demo.scene import REAL
from services.kit.gate_config import LIMITS
from services.kit.layout import Run
from services.kit.live import Live

PRINCIPAL, STREAM, STRATEGY = "drill", "INTENTS_DRILL", "drill"


def faults_needed(run: Run) -> int:
    """How many faults open the ``invalid_input`` breaker under the run's limits."""
    limits = json.loads((run.config / LIMITS).read_bytes())
    return int(limits["breakers"]["invalid_input"]["faults_to_open"])


def hostile_bodies(count: int, run_id: str) -> list[bytes]:
    """Bodies that do not decode as an intent. All but the last show an identity, and so get a verdict."""
    ids = [digest(f"{run_id} drill {number}".encode()) for number in range(count - 1)]
    lies = {"schema": "intent.v1", "side": "sideways", "target_notional": float("nan")}
    return [*(msgspec.msgpack.encode(lies | {"intent_id": each}) for each in ids), b"\xc1 not an intent"]


async def run_drill(stack: Live, run: Run) -> int:
    """Publish them with the drill's own credential, which may do nothing else. Returns how many."""
    bodies = hostile_bodies(faults_needed(run), run.run_id)
    subject = subjects.intent_proposed(STRATEGY, REAL)
    async with open_bus(stack, PRINCIPAL) as bus:
        for number, body in enumerate(bodies):
            await bus.publish_acked(subject, body, msg_id=f"{run.run_id}-drill-{number}", stream=STREAM)
    return len(bodies)
