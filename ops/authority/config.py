"""The broker's configuration, made from the permission table.

Written as JSON, which nats-server reads as its own format: nothing needs escaping.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from ops.authority.permissions import exports, permissions
from ops.authority.table import Role

MEMORY_BYTES = 256 * 1024**2


class BrokerSettings(Struct, frozen=True, kw_only=True):
    """Where one broker listens and keeps its data.

    Attributes:
        port, monitor_port: On loopback, both.
        max_file_bytes: Disk that its streams may reserve.
    """

    name: str
    port: int
    monitor_port: int
    store_dir: Path
    max_file_bytes: int


def render(settings: BrokerSettings, roles: Sequence[Role], keys: Mapping[str, str]) -> str:
    """The configuration file.

    Args:
        keys: The public key of every principal.
    """
    config = {
        "server_name": settings.name,
        "host": "127.0.0.1",
        "port": settings.port,
        "http": f"127.0.0.1:{settings.monitor_port}",
        "jetstream": {
            "store_dir": str(settings.store_dir),
            "max_mem": MEMORY_BYTES,
            "max_file": settings.max_file_bytes,
            "sync_interval": "always",
        },
        "accounts": _accounts(roles, keys),
        "system_account": "SYS",
    }
    return json.dumps(config, indent=2) + "\n"


def _accounts(roles: Sequence[Role], keys: Mapping[str, str]) -> dict[str, Any]:
    services = exports(roles)
    accounts: dict[str, Any] = {
        "CORE": {
            "jetstream": "enabled",
            "exports": [{"service": subject, "accounts": ["LLM"]} for subject in services],
        },
        "LLM": {
            "imports": [{"service": {"account": "CORE", "subject": subject}} for subject in services],
        },
        "REPLAY": {},
        "SYS": {},
    }
    for name, account in accounts.items():
        account["users"] = [_user(role, keys[role.principal]) for role in roles if role.account == name]
    return accounts


def _user(role: Role, key: str) -> dict[str, Any]:
    allowed = permissions(role)
    return {
        "nkey": key,
        "permissions": {
            "publish": {"allow": list(allowed.publish), "deny": list(allowed.publish_denied)},
            "subscribe": {"allow": list(allowed.subscribe)},
        },
    }
