"""A listener that nobody may ever reach: it stands for production."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Self


class Canary:
    """Listens for connections and datagrams on one port of 127.0.0.1 and of ::1; accepts nothing."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        first = self._open("127.0.0.1", socket.SOCK_STREAM, 0)
        self.port = int(first.getsockname()[1])
        self._streams = [first]
        self._datagrams = [self._open("127.0.0.1", socket.SOCK_DGRAM, self.port)]
        if socket.has_ipv6:
            self._streams.append(self._open("::1", socket.SOCK_STREAM, self.port))

    def _open(self, host: str, kind: socket.SocketKind, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = self._stack.enter_context(socket.socket(family, kind))
        opened.bind((host, port))
        opened.setblocking(False)
        if kind is socket.SOCK_STREAM:
            opened.listen(128)
        return opened

    def visits(self) -> int:
        """Connections and datagrams that arrived since it was asked last; the kernel has kept them."""
        count = 0
        for stream in self._streams:
            while True:
                try:
                    stream.accept()[0].close()
                except BlockingIOError:
                    break
                count += 1
        for datagrams in self._datagrams:
            while True:
                try:
                    datagrams.recv(1)
                except BlockingIOError:
                    break
                count += 1
        return count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
