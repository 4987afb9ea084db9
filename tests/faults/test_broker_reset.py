"""Every connection to the broker is reset, once."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.broker_reset import BrokerReset
from tests.faults.conftest import Shop, connections


def test_connections_are_gone_and_made_again(
    proxied: Shop, eventually: Callable[[Callable[[], object]], bool]
) -> None:
    assert proxied.works()
    client = proxied.inner.broker.server.client  # type: ignore[attr-defined]
    before = connections(client)
    with injected(BrokerReset(), proxied.world):
        assert before
        assert eventually(lambda: not before & connections(client))
    assert proxied.works()
