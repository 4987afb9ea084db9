"""Every connection to the result backend is reset, once."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.results_reset import ResultsReset
from tests.faults.conftest import Shop, connections


def test_connections_are_gone_and_made_again(
    proxied: Shop, eventually: Callable[[Callable[[], object]], bool]
) -> None:
    assert proxied.works()
    client = proxied.inner.results.client
    before = connections(client)
    with injected(ResultsReset(), proxied.world):
        assert before
        assert eventually(lambda: not before & connections(client))
    assert proxied.works()
