"""Every connection to PostgreSQL is reset, once."""

from __future__ import annotations

import socket

import pytest

from harness.fault import injected
from harness.faults.database_reset import DatabaseReset
from tests.faults.conftest import Shop


def test_a_new_connection_works(booking: Shop) -> None:
    proxy = booking.inner.proxy
    assert proxy is not None
    with socket.create_connection(proxy.address("database"), timeout=10) as client:
        client.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")  # asks for encryption, and is told that there is none
        assert client.recv(1) == b"N"
        with injected(DatabaseReset(), booking.world), pytest.raises(ConnectionResetError):
            client.recv(1)
    assert booking.outcome(booking.send("shop.book")).kind == "task-succeeded"
