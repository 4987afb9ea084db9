"""A proxy between real sockets: what it delays arrives in order, and what it cuts is cut."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from harness.errors import StageError, UsageError
from harness.proxy_server import Behind, ProxyLink, ProxyServer

WITHIN_S = 10.0


class Starter:
    """A launcher that starts processes and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def launch(
        self, name: str, command: Sequence[str], *, environment: object = None, passive: bool = True
    ) -> int:
        assert not passive
        process = subprocess.Popen(command, env={**os.environ, **dict(environment or {})})  # type: ignore[call-overload]
        self.processes[process.pid] = process
        return process.pid

    def ended(self, pid: int) -> bool:
        return self.processes[pid].poll() is not None

    def end(self, pid: int, *, within_s: float = 5.0) -> None:
        self.processes[pid].kill()
        self.processes[pid].wait(within_s)

    def log(self, name: str, lines: int = 15) -> str:
        return ""

    def host(self, name: str) -> str:
        return "127.0.0.1"

    @property
    def separate(self) -> bool:
        return False

    def run(self, pid: int, command: Sequence[str], *, environment: object, within_s: float) -> str:
        raise NotImplementedError

    def free_port(self) -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])


class Echo:
    """A server that answers each line ``X`` with ``+X``, and remembers what it got."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.got: list[bytes] = []
        self.ended = threading.Semaphore(0)
        self.came = threading.Semaphore(0)
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self.listener.accept()
                self.came.release()
                threading.Thread(target=self._answer, args=(taken,), daemon=True).start()

    def _answer(self, taken: socket.socket) -> None:
        with suppress(OSError), closing(taken), taken.makefile("rb") as lines:
            for line in lines:
                self.got.append(line)
                taken.sendall(b"+" + line)
        self.ended.release()


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.listener.close()


@pytest.fixture(scope="module")
def proxy(echo: Echo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyServer]:
    folder = tmp_path_factory.mktemp("proxy")
    behind = {"broker": Behind(echo.address, "resp"), "nobody": Behind(("127.0.0.1", 1), "resp")}
    server = ProxyServer(Starter(folder), behind, folder / "events.jsonl", seed=1)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def link(proxy: ProxyServer) -> ProxyLink:
    return proxy.links["broker"]


@pytest.fixture
def client(proxy: ProxyServer, echo: Echo) -> Iterator[socket.socket]:
    """A connection that has gone all the way through."""
    echo.got.clear()
    with connected(proxy) as opened:
        assert asked(opened, b"HELLO\r\n") == b"+HELLO\r\n"
        yield opened


def connected(proxy: ProxyServer) -> socket.socket:
    return socket.create_connection(proxy.address("broker"), timeout=WITHIN_S)


def asked(client: socket.socket, line: bytes) -> bytes:
    client.sendall(line)
    return read(client, len(line) + 1)


def read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := client.recv(size - len(data))):
        data += piece
    return data


def eventually(fact: Callable[[], object]) -> bool:
    deadline = time.monotonic() + WITHIN_S
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.005)  # polls another process; bounded above
    return bool(fact())


def test_bytes_pass_in_both_directions_in_any_amount(client: socket.socket) -> None:
    line = b"x" * 3_000_000 + b"\r\n"
    threading.Thread(target=client.sendall, args=(line,)).start()
    # No value of the protocol is so long a line: it is carried, and not understood.
    assert read(client, len(line) + 1) == b"+" + line


def test_a_late_reply_keeps_its_order_and_the_end_comes_behind_it(
    proxy: ProxyServer, link: ProxyLink, client: socket.socket
) -> None:
    with link.slow(latency_s=0.05, jitter_s=0.05):
        began = time.monotonic()
        client.sendall(b"A\r\nB\r\n")
        client.sendall(b"C\r\n")
        client.shutdown(socket.SHUT_WR)
        assert read(client, 100) == b"+A\r\n+B\r\n+C\r\n"
        assert time.monotonic() - began >= 0.1


def test_a_bandwidth_takes_its_time(link: ProxyLink, client: socket.socket) -> None:
    line = b"y" * 9_998 + b"\r\n"
    with link.slow(bytes_per_s=100_000):
        began = time.monotonic()
        client.sendall(line)
        assert read(client, len(line) + 1) == b"+" + line
        assert time.monotonic() - began >= 0.2


def test_what_is_under_way_arrives_when_the_link_is_fast(link: ProxyLink, client: socket.socket) -> None:
    with link.slow(latency_s=1000):
        client.sendall(b"A\r\n")
        assert eventually(lambda: link.connections)
    client.sendall(b"B\r\n")
    assert read(client, 8) == b"+A\r\n+B\r\n"


def test_nothing_passes_a_black_hole_and_everything_afterwards(
    proxy: ProxyServer, link: ProxyLink, client: socket.socket, echo: Echo
) -> None:
    with link.black_hole():
        client.sendall(b"A\r\n")
        another = connected(proxy)
        another.sendall(b"B\r\n")
        another.settimeout(0.1)
        with pytest.raises(TimeoutError):
            another.recv(1)
        assert echo.got == [b"HELLO\r\n"]
        another.settimeout(WITHIN_S)
    with another:
        assert (read(client, 4), read(another, 4)) == (b"+A\r\n", b"+B\r\n")


def test_a_refused_connection_is_refused_and_an_open_one_stays(
    proxy: ProxyServer, link: ProxyLink, client: socket.socket
) -> None:
    with link.refused():
        with pytest.raises(ConnectionRefusedError):
            connected(proxy)
        assert asked(client, b"A\r\n") == b"+A\r\n"
    with connected(proxy) as another:
        assert asked(another, b"B\r\n") == b"+B\r\n"


def test_a_reset_is_a_reset_for_the_client_and_the_end_for_the_server(
    link: ProxyLink, client: socket.socket, echo: Echo
) -> None:
    assert link.cut() >= 1
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert echo.ended.acquire(timeout=WITHIN_S)
    assert eventually(lambda: link.connections == 0)


def test_a_command_before_the_cut_reaches_the_server_and_its_reply_not_the_client(
    link: ProxyLink, client: socket.socket, echo: Echo
) -> None:
    with link.rule(fault="test", action="cut", command="PAY", after=True):
        client.sendall(b"PAY\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert eventually(lambda: b"PAY\r\n" in echo.got)


@pytest.mark.parametrize("left", ["client", "server"])
def test_one_side_keeps_a_dead_connection_until_it_is_healed(
    proxy: ProxyServer, link: ProxyLink, client: socket.socket, echo: Echo, left: str
) -> None:
    while echo.ended.acquire(blocking=False):
        pass
    with link.half_open(left):  # type: ignore[arg-type]
        if left == "client":
            assert echo.ended.acquire(timeout=WITHIN_S)
            client.sendall(b"A\r\n")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.settimeout(WITHIN_S)
        else:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            assert not echo.ended.acquire(timeout=0.1)
        with connected(proxy) as another:
            assert asked(another, b"B\r\n") == b"+B\r\n"
    if left == "client":
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    else:
        assert echo.ended.acquire(timeout=WITHIN_S)


def test_what_a_rule_holds_goes_on_after_it(link: ProxyLink, client: socket.socket, echo: Echo) -> None:
    with link.rule(fault="test", action="hold", command="PAY"):
        client.sendall(b"GET\r\nPAY\r\n")
        assert read(client, 6) == b"+GET\r\n"
        client.sendall(b"PUT\r\n")
        assert eventually(lambda: len(echo.got) == 2)
    assert read(client, 12) == b"+PAY\r\n+PUT\r\n"
    client.close()
    assert eventually(lambda: link.connections == 0)


def test_a_strike_is_recorded_with_its_step_and_who_was_struck(
    proxy: ProxyServer, link: ProxyLink, client: socket.socket
) -> None:
    concerned = "c37676b7-2a33-4bd0-8019-3ba7c853a8a0"
    with link.rule(fault="test", action="lose", command="PAY"):
        client.sendall(f"PAY {concerned}\r\n".encode())
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    lines = (proxy.launcher.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    event = json.loads(lines[-1])
    assert (event["kind"], event["source"].partition(":")[0]) == ("fault-struck", "proxy")
    data = event["data"]
    told = (data["fault"], data["link"], data["command"], data["step"], data["nth"], data["concerns"])
    assert told == ("test", "broker", "PAY", "reply", 1, [concerned])
    assert data["pid"] == os.getpid()
    assert data["words"] == f"PAY {concerned}"


def test_a_server_that_is_not_there_resets(proxy: ProxyServer) -> None:
    """So soon that the client may hear of it while it still connects."""
    with pytest.raises(ConnectionResetError):
        asked_nobody(proxy)


def asked_nobody(proxy: ProxyServer) -> bytes:
    with socket.create_connection(proxy.address("nobody"), timeout=WITHIN_S) as client:
        return client.recv(1)


def test_what_cannot_be_done_is_said(link: ProxyLink) -> None:
    with (
        pytest.raises(UsageError, match="counted from 1"),
        link.rule(fault="t", action="cut", command="X", nth=0),
    ):
        pass
    with pytest.raises(UsageError, match="faster"), link.slow(latency_s=-1):
        pass
    with pytest.raises(UsageError, match="'nobody'"), link.half_open("nobody"):  # type: ignore[arg-type]
        pass
    with pytest.raises(StageError, match="could not 'burn'"):
        link.proxy.order("burn")


def test_a_proxy_that_ended_is_said(tmp_path: Path) -> None:
    server = ProxyServer(Starter(tmp_path), {}, tmp_path / "no" / "events.jsonl", seed=1)
    with pytest.raises(StageError, match="proxy"):
        server.start()
    with pytest.raises(StageError, match="does not run"):
        server.order("look")
