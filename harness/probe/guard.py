"""The last line of the interlock: nothing but the stage's own addresses can be reached from Python.

An audit hook (PEP 578) sees every connect, datagram and name lookup that Python code makes, whatever
library makes it, cannot be removed, and is inherited by forked children. Connections made by C
libraries are refused by the preloaded library's `connect` (`harness/warp/simtime.c`), where there is one.
"""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from harness.probe import audit

CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
LOOK_UPS = ("socket.gethostbyname", "socket.gethostbyaddr")
LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost", socket.gethostname()})


class Refused(ConnectionRefusedError):
    """The app under test tried to reach something that the stage did not start."""


class Guard:
    """Refuses, and reports, every address that is not allowed."""

    def __init__(
        self,
        allowed: Iterable[tuple[str, int]],
        report: Callable[[str, str, str], None],
        databases: str,
    ) -> None:
        self.allowed = frozenset(allowed)
        self.report = report
        self.databases = os.path.realpath(databases)
        self._reporting = False

    def install(self) -> None:
        """From now on, for the life of the process and its children."""
        audit.listen((*CONNECTS, "socket.getaddrinfo", *LOOK_UPS), self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event in CONNECTS:
            self._address(event, args[1])
        else:
            self._name(args[0], None if event in LOOK_UPS else args[1])

    def _address(self, event: str, address: Any) -> None:
        if not isinstance(address, tuple) or len(address) < 2:
            return  # a socket in the file system stays on this machine
        host, port = str(address[0]), int(address[1])
        if host.startswith("::ffff:"):
            host = host.removeprefix("::ffff:")
        if host in ("localhost", "::1", ""):
            host = "127.0.0.1"
        if (host, port) not in self.allowed:
            self._refuse(host, port)

    def _name(self, host: Any, port: Any) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else (host or "")
        if name in LOCAL_NAMES or _is_address(name):
            return
        self._refuse(str(name), port)

    def _refuse(self, host: str, port: Any) -> None:
        where = f"{host}:{port}" if port is not None else host
        if not self._reporting:
            self._reporting = True
            try:
                frames = [f for f in traceback.extract_stack()[:-3] if "/harness/probe/" not in f.filename]
                lines = [f"{f.filename}:{f.lineno} in {f.name}" for f in frames[-25:]]
                own = [line for line in lines if "site-packages" not in line and "/lib/python" not in line]
                self.report(where, own[-1] if own else "", "\n".join(lines[-8:]))
            finally:
                self._reporting = False
        raise Refused(111, f"the celery-harness interlock refuses {where}: the stage did not start it")


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except OSError:
            continue
        return True
    return False
