"""Connections to the broker are dead for one side only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.fault import injected
from harness.faults.broker_half_open import BrokerHalfOpen
from tests.faults.conftest import Shop, connections


@pytest.mark.parametrize("left", ["client", "server"])
def test_who_is_left_keeps_the_connection(
    proxied: Shop, left: str, eventually: Callable[[Callable[[], object]], bool]
) -> None:
    assert proxied.works()
    client = proxied.inner.broker.server.client  # type: ignore[attr-defined]
    before = connections(client)
    with injected(BrokerHalfOpen(left=left), proxied.world):  # type: ignore[arg-type]
        if left == "client":
            assert eventually(lambda: not before & connections(client))
        else:
            assert before <= connections(client)
    assert proxied.works()
    assert eventually(lambda: not before & connections(client))
