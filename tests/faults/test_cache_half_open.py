"""Connections to the cache are dead for one side only."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from harness.fault import injected
from harness.faults.cache_half_open import CacheHalfOpen
from tests.faults.conftest import Shop


@pytest.mark.parametrize("left", ["client", "server"])
def test_who_is_left_keeps_the_connection(
    proxied: Shop, left: str, eventually: Callable[[Callable[[], object]], bool]
) -> None:
    server, proxy = proxied.inner.cache.client, proxied.inner.proxy
    assert proxy is not None
    with socket.create_connection(proxy.address("cache"), timeout=30) as client:
        client.sendall(b"*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n")
        number = client.recv(100).decode("ascii").strip().removeprefix(":")

        def known() -> bool:
            return number in {each["id"] for each in server.client_list()}

        assert known()
        with injected(CacheHalfOpen(left=left), proxied.world):  # type: ignore[arg-type]
            if left == "client":
                assert eventually(lambda: not known())
                client.sendall(b"*1\r\n$4\r\nPING\r\n")
                client.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    client.recv(100)
            else:
                with pytest.raises(ConnectionResetError):
                    client.recv(100)
                assert known()
            assert proxied.outcome(proxied.send("shop.lock")).kind == "task-succeeded"
    assert eventually(lambda: not known())
    proxied.inner.cache.client.delete("sale-1")
