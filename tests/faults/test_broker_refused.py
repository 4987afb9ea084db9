"""The broker takes no new connections."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.broker_refused import BrokerRefused
from tests.faults.conftest import Shop


def test_the_port_is_closed_while_it_holds_and_what_is_open_works(
    proxied: Shop, open_port: Callable[[tuple[str, int]], bool]
) -> None:
    proxy = proxied.inner.proxy
    assert proxy is not None
    assert proxied.works()
    with injected(BrokerRefused(), proxied.world):
        assert not open_port(proxy.address("broker"))
        assert proxied.works()
    assert open_port(proxy.address("broker"))
    assert proxied.works()
