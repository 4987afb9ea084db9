"""The connect guard: what the stage did not start cannot be reached, and the attempt is on record."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.warp import library

Attempt = Callable[[str, str, int, str], int]

_TRY = """
import socket, sys

family, host, port = getattr(socket, sys.argv[1]), sys.argv[2], int(sys.argv[3])
with socket.socket(family) as s:
    print(s.connect_ex((host, port)) if family != socket.AF_UNIX else s.connect_ex(host))
"""


@pytest.fixture
def attempt(folder: Path) -> Attempt:
    if library.find() is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(library.why_missing())

    def run(family: str, host: str, port: int, allow: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", _TRY, family, host, str(port)],
            env={
                **os.environ,
                "LD_PRELOAD": library.preload(os.environ),
                "CELERY_HARNESS_ALLOW": allow,
                "CELERY_HARNESS_REFUSED": str(folder / "refused"),
            },
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return int(done.stdout)

    return run


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_an_address_that_is_not_allowed_is_refused_and_recorded(
    attempt: Attempt, canary: socket.socket, folder: Path
) -> None:
    assert attempt("AF_INET", "127.0.0.1", _port(canary), "127.0.0.1:1") == errno.ECONNREFUSED
    with pytest.raises(BlockingIOError):
        canary.accept()
    pid, address = (folder / "refused").read_text().split()
    assert pid.isdigit()
    assert address == f"127.0.0.1:{_port(canary)}"


def test_an_empty_list_allows_nothing(attempt: Attempt, canary: socket.socket) -> None:
    assert attempt("AF_INET", "127.0.0.1", _port(canary), "") == errno.ECONNREFUSED


@pytest.mark.parametrize("entry", ["127.0.0.1:{port}", "10.1.1.1:5,127.0.0.1:{port}", "127.0.0.1:*"])
def test_an_allowed_address_is_reached(
    attempt: Attempt, canary: socket.socket, folder: Path, entry: str
) -> None:
    assert attempt("AF_INET", "127.0.0.1", _port(canary), entry.format(port=_port(canary))) == 0
    canary.accept()[0].close()
    assert not (folder / "refused").exists()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_ipv4_address_in_ipv6_form_is_the_same_address(
    attempt: Attempt, canary: socket.socket, folder: Path
) -> None:
    assert attempt("AF_INET6", "::ffff:127.0.0.1", _port(canary), "127.0.0.1:1") == errno.ECONNREFUSED
    assert f" 127.0.0.1:{_port(canary)}\n" in (folder / "refused").read_text()
    assert attempt("AF_INET6", "::ffff:127.0.0.1", _port(canary), f"127.0.0.1:{_port(canary)}") == 0


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_ipv6_is_guarded(attempt: Attempt, folder: Path) -> None:
    assert attempt("AF_INET6", "::1", 9, "127.0.0.1:9") == errno.ECONNREFUSED
    assert (folder / "refused").read_text().endswith(" [::1]:9\n")


def test_unix_sockets_pass(attempt: Attempt, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        listener.listen()
        assert attempt("AF_UNIX", str(folder / "socket"), 0, "") == 0
