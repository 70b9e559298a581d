"""Making the streams and durable consumers of a run, and proving that they are as specified.

Over JetStream's raw API: nats-py knows neither ``persist_mode`` nor priority groups. What the
server does not know it would ignore, so every setting is read back and compared.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from streams.bus import api
from streams.bus.connection import Bus
from streams.bus.errors import ApiFailed, ProvisionMismatch
from streams.bus.specs import DurableSpec, StreamSpec


async def provision(bus: Bus, specs: Iterable[StreamSpec], durables: Iterable[DurableSpec]) -> None:
    """Make what is missing; what exists must be the same.

    Raises:
        ProvisionMismatch: one exists with another setting, or the server ignored a setting.
        ApiFailed: the server refused, such as for want of disk.
    """
    for spec in specs:
        await _provision_stream(bus, spec)
    for durable in durables:
        await _provision_durable(bus, durable)


async def _provision_stream(bus: Bus, spec: StreamSpec) -> None:
    made = await _found(bus, api.stream_info(spec.name), api.STREAM_NOT_FOUND)
    if made is None:
        made = await bus.api(api.stream_create(spec.name), spec.config())
    _assert_same(spec.name, spec.config(), made["config"])


async def _provision_durable(bus: Bus, durable: DurableSpec) -> None:
    made = await _found(bus, api.consumer_info(durable.stream, durable.name), api.CONSUMER_NOT_FOUND)
    if made is None:
        request = {"stream_name": durable.stream, "config": durable.config(), "action": "create"}
        made = await bus.api(api.consumer_create(durable.stream, durable.name), request)
    _assert_same(f"{durable.stream}/{durable.name}", durable.config(), made["config"])


async def _found(bus: Bus, subject: str, not_found: int) -> dict[str, Any] | None:
    # Asked first: creating once more would count the stream's bytes twice against the disk bound.
    try:
        return await bus.api(subject, {})
    except ApiFailed as error:
        if error.err_code != not_found:
            raise
        return None


def _assert_same(name: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for field, value in expected.items():
        if found.get(field) != value:
            raise ProvisionMismatch(name, field, found.get(field), value)
