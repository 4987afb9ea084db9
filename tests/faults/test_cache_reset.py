"""Every connection to the cache is reset, once."""

from __future__ import annotations

import socket

import pytest

from harness.fault import injected
from harness.faults.cache_reset import CacheReset
from tests.faults.conftest import Shop


def test_a_new_connection_works(proxied: Shop) -> None:
    proxy = proxied.inner.proxy
    assert proxy is not None
    with socket.create_connection(proxy.address("cache"), timeout=30) as client:
        client.sendall(b"*1\r\n$4\r\nPING\r\n")
        assert client.recv(100) == b"+PONG\r\n"
        with injected(CacheReset(), proxied.world), pytest.raises(ConnectionResetError):
            client.recv(100)
    assert proxied.outcome(proxied.send("shop.lock")).kind == "task-succeeded"
    proxied.inner.cache.client.delete("sale-1")
