"""The result backend takes no new connections."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.results_refused import ResultsRefused
from tests.faults.conftest import Shop


def test_the_port_is_closed_while_it_holds(
    proxied: Shop, open_port: Callable[[tuple[str, int]], bool]
) -> None:
    proxy = proxied.inner.proxy
    assert proxy is not None
    with injected(ResultsRefused(), proxied.world):
        assert not open_port(proxy.address("results"))
    assert open_port(proxy.address("results"))
    assert proxied.works()
