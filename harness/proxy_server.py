"""The harness's handle on the proxy that stands between an app and its servers (see `harness.proxy`)."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.broker import Launcher
from harness.errors import StageError, UsageError
from harness.proxy.rules import Rule, Side

READY_WITHIN_S = 20.0
ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Behind:
    """A server that the proxy is to stand before: its address, and the protocol that it speaks."""

    address: tuple[str, int]
    protocol: str


class ProxyServer:
    """One process for all links of a stage: on its clock, under its reaper.

    It is not one of the passive processes: while it delays something, the clock is not to jump past the
    moment at which that arrives. It waits for no other time, so a proxy that delays nothing pulls nothing.
    """

    def __init__(self, launcher: Launcher, servers: Mapping[str, Behind], events: Path, seed: int) -> None:
        self.launcher = launcher
        self.servers = dict(servers)
        self.host = launcher.host("proxy")
        self.ports = {name: launcher.free_port() for name in servers}
        self.links = {name: ProxyLink(self, name, each.protocol) for name, each in servers.items()}
        self.numbers = count(1)
        self.pid = 0
        self._control = launcher.free_port()
        self._events, self._seed = events, seed
        self._socket: socket.socket | None = None
        self._file: Any = None

    def address(self, name: str) -> tuple[str, int]:
        """Where the app is to find a server."""
        return self.host, self.ports[name]

    def before(self, name: str, url: str) -> str:
        """A URL of a server, with the proxy's address in the place of its own."""
        parts = urlsplit(url)
        own = f"{parts.hostname}:{parts.port}"
        return url.replace(own, f"{self.host}:{self.ports[name]}", 1) if name in self.ports else url

    def launch(self) -> None:
        """Start and return at once."""
        orders = {
            "host": self.host,
            "control": self._control,
            "events": str(self._events),
            "seed": self._seed,
            "links": [
                {"name": n, "port": self.ports[n], "upstream": each.address, "protocol": each.protocol}
                for n, each in self.servers.items()
            ],
        }
        path = self.launcher.folder / "proxy.json"
        path.write_text(json.dumps(orders), encoding="ascii")
        home = str(Path(__file__).resolve().parent.parent)
        command = [sys.executable, "-m", "harness.proxy.server", str(path)]
        self.pid = self.launcher.launch("proxy", command, environment={"PYTHONPATH": home}, passive=False)

    def ready(self) -> None:
        """Wait until it takes orders; it listens before it does."""
        deadline = time.monotonic() + READY_WITHIN_S
        while self._socket is None:
            if self.launcher.ended(self.pid):
                raise StageError("The proxy ended.", remedy="See proxy.log in the stage's folder.")
            if time.monotonic() > deadline:
                raise StageError(f"The proxy took no orders within {READY_WITHIN_S:g} s.")
            with suppress(OSError):
                self._socket = socket.create_connection((self.host, self._control), timeout=ANSWER_WITHIN_S)
                self._file = self._socket.makefile("rb")
                return
            time.sleep(0.01)  # polls a process that has no other way to tell; bounded above

    def start(self) -> None:
        """Start, and wait until it takes orders."""
        self.launch()
        self.ready()

    def stop(self) -> None:
        """End it, and our connection to it."""
        if self._socket is not None:
            self._file.close()
            self._socket.close()
            self._socket = None
        if self.pid:
            pid, self.pid = self.pid, 0
            self.launcher.end(pid)

    def order(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have something done; when this returns it is in force. Raises `StageError` where it cannot be."""
        if self._socket is None:
            raise StageError("The proxy does not run.", remedy="See proxy.log in the stage's folder.")
        try:
            self._socket.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
            line = self._file.readline()
        except OSError as error:
            raise StageError(f"The proxy does not answer '{do}': {error}.") from error
        answer: dict[str, Any] = json.loads(line or b'{"error": "it ended"}')
        if "error" in answer:
            raise StageError(f"The proxy could not '{do}': {answer['error']}.")
        return answer


class ProxyLink:
    """One server's link, as faults take hold of it (`harness.stage.Link`)."""

    def __init__(self, proxy: ProxyServer, name: str, protocol: str) -> None:
        self.proxy, self.name, self.protocol = proxy, name, protocol

    @property
    def connections(self) -> int:
        """How many connections go through it now."""
        return int(self.proxy.order("look")["connections"][self.name])

    @contextmanager
    def rule(self, **settings: Any) -> Iterator[None]:
        """Strike at a command, as `harness.proxy.rules.Rule` says, for as long as the context lasts."""
        number = next(self.proxy.numbers)
        try:
            Rule(number=number, **settings)
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"The proxy cannot do that to a command: {error}.", remedy="See docs/proxy.md."
            ) from error
        self.proxy.order("arm", link=self.name, rule={"number": number, **settings})
        try:
            yield
        finally:
            self.proxy.order("disarm", link=self.name, number=number)

    @contextmanager
    def slow(
        self, *, latency_s: float = 0.0, jitter_s: float = 0.0, bytes_per_s: float = 0.0
    ) -> Iterator[None]:
        """Everything takes so long in each direction; what is under way at the end arrives at once."""
        if min(latency_s, jitter_s, bytes_per_s) < 0:
            raise UsageError("A link cannot be faster than it is.", remedy="Give 0 or more.")
        arguments = {"latency_s": latency_s, "jitter_s": jitter_s, "bytes_per_s": bytes_per_s}
        self.proxy.order("slow", link=self.name, **arguments)
        try:
            yield
        finally:
            self.proxy.order("hurry", link=self.name)

    @contextmanager
    def black_hole(self) -> Iterator[None]:
        """Nothing arrives and nothing is refused; what was sent arrives at the end."""
        self.proxy.order("swallow", link=self.name, on=True)
        try:
            yield
        finally:
            self.proxy.order("swallow", link=self.name, on=False)

    @contextmanager
    def refused(self) -> Iterator[None]:
        """New connections are refused; those that are open stay."""
        self.proxy.order("refuse", link=self.name, on=True)
        try:
            yield
        finally:
            self.proxy.order("refuse", link=self.name, on=False)

    @contextmanager
    def half_open(self, left: Side) -> Iterator[None]:
        """Every connection is dead for one side; `left` has it still, and learns the truth at the end."""
        dead = {"client": "server", "server": "client"}
        if left not in dead:
            raise UsageError(f"No side is called {left!r}.", remedy="Give client or server.")
        try:
            self.proxy.order("orphan", link=self.name, side=dead[left])
            yield
        finally:
            self.proxy.order("bury", link=self.name)

    def cut(self) -> int:
        """Reset every connection, once; how many there were."""
        return int(self.proxy.order("cut", link=self.name)["count"])


def link_of(links: Mapping[str, ProxyLink], name: str, known: Iterable[str]) -> ProxyLink:
    """A link by the server's name. Raises `UsageError` where no proxy stands there."""
    if name in links:
        return links[name]
    if name not in known:
        raise UsageError(
            f"There is no server {name!r} to stand before.", remedy=f"One of {', '.join(known)}."
        )
    raise UsageError(
        f"No proxy stands before the {name}.",
        remedy=f"Ask for one when the stage is opened: proxies=({name!r},), or mark the test with "
        f"harness_proxies({name!r}).",
    )
