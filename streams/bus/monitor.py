"""Reading the broker's monitoring pages, and what they prove. Synchronous: for start-up and tools."""

import json
import urllib.error
import urllib.request
from typing import Any

from streams.bus.errors import BrokerNotSynced, Unreachable

TIMEOUT_S = 2.0

Page = dict[str, Any]  # the broker's JSON, whose fields vary with its version


def fetch(monitor_url: str, page: str) -> Page:
    """One page, such as ``varz`` or ``healthz``. Raises ``Unreachable``."""
    address = f"{monitor_url.rstrip('/')}/{page}"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as response:  # noqa: S310  # the broker's own address
            body: Page = json.load(response)
    except (OSError, ValueError) as error:
        raise Unreachable(monitor_url, f"/{page}", str(error)) from error
    return body


def varz(monitor_url: str) -> Page:
    """The server: version, uptime, connections, limits."""
    return fetch(monitor_url, "varz")


def is_healthy(monitor_url: str) -> bool:
    """The server answers, and JetStream has recovered its data."""
    try:
        return bool(fetch(monitor_url, "healthz").get("status") == "ok")
    except Unreachable:
        return False


def prove_synced(page: Page, url: str) -> None:
    """Raise ``BrokerNotSynced`` unless ``varz`` says that JetStream fsyncs before it acknowledges."""
    found = page.get("jetstream", {}).get("config", {}).get("sync_always", False)
    if found is not True:
        raise BrokerNotSynced(url, found)
