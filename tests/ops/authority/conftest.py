"""One broker for the probes that store nothing: it refuses them all."""

from collections.abc import Iterator

import pytest

from services.kit.broker import EmbeddedBroker


@pytest.fixture(scope="module")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("shared") / "run") as running:
        yield running
