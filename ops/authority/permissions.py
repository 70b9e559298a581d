"""From roles to the broker's own permissions: subjects to publish and to subscribe."""

from collections.abc import Iterable

from msgspec import Struct

from ops.authority.table import Role
from streams.bus import api, specs


class Permissions(Struct, frozen=True, kw_only=True):
    """Allow and deny lists of one user; a denial wins over a permission."""

    publish: tuple[str, ...]
    publish_denied: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox(principal: str) -> str:
    """Where answers to one principal arrive; nobody else may subscribe there."""
    return f"_INBOX.{principal}.>"


def permissions(role: Role) -> Permissions:
    """The broker's permissions of one role."""
    publish = list(role.publishes)
    if role.is_provisioner:
        publish.append(api.EVERYTHING)
    for stream in role.reads:
        publish += _to_inspect(stream)
        publish += (api.consumer_create(stream, "*"), api.consumer_next(stream, "*"))
    for stream in role.inspects:
        publish += _to_inspect(stream)
    for stream, durable in role.consumes:
        publish += (api.consumer_next(stream, durable), api.consumer_ack(stream, durable))
    return Permissions(
        publish=tuple(dict.fromkeys(publish)),
        publish_denied=_durables_denied() if role.reads and not role.consumes else (),
        subscribe=(inbox(role.principal), *role.listens),
    )


def exports(roles: Iterable[Role]) -> tuple[str, ...]:
    """What the LLM account may reach in CORE, as services: exactly what its users publish."""
    return tuple(
        dict.fromkeys(subject for role in roles if role.account == "LLM" for subject in role.publishes)
    )


def _to_inspect(stream: str) -> tuple[str, ...]:
    return (api.stream_info(stream), api.message_get(stream))


def _durables_denied() -> tuple[str, ...]:
    """A reader names its consumers itself, so the gate's name is taken out: it could steal intents."""
    return (
        api.consumer_create("*", specs.GATE_DURABLE),
        api.consumer_next("*", specs.GATE_DURABLE),
    )
