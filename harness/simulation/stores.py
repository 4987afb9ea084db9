"""Redis servers inside the process: fakeredis executes the commands, redis-py's own code sends them.

The seam is `redis.connection.Connection`: whoever opens a connection (kombu's Redis transport, Celery's
result backend, Django's cache, the app) gets one to the simulated server that listens on that port.
Pools, retries, pipelines, scripts and pub/sub are redis-py's; ``BRPOP`` and its kind wait in virtual time.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import redis
from redis import connection as redis_connection

from harness.simulation.absent import absent
from harness.simulation.blocked import Blocked
from harness.simulation.clock import CLOCK
from harness.simulation.commands import ExecutingSocket
from harness.simulation.descriptors import WORLD, Descriptor

with absent("valkey"):
    from fakeredis import FakeServer
    from fakeredis._core import Database
    from fakeredis._helpers import NoResponse  # what a command returns that answers later

UNSAID = object()
LOST = "Connection closed by server."
REFUSED = "Error 111 connecting to {}:{}. Connection refused."


class Ordered:
    """A set that remembers the order: who subscribed first hears first, in every process."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._items: dict[Any, None] = dict.fromkeys(items)

    def add(self, item: Any) -> None:
        """Put it at the end unless it is there."""
        self._items.setdefault(item)

    def discard(self, item: Any) -> None:
        """Take it out if it is there."""
        self._items.pop(item, None)

    def remove(self, item: Any) -> None:
        """Take it out; `KeyError` where it is not there."""
        del self._items[item]

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: object) -> bool:
        return item in self._items


class NoLock:
    """One command at a time is all that there is."""

    def acquire(self, *_: Any) -> bool:
        """It is free."""
        return True

    __enter__ = acquire

    def release(self) -> None:
        """It stays free."""

    def __exit__(self, *_: object) -> None:
        """It stays free."""


class Data(Database):
    """The keys of one database; it says when one of them has changed."""

    changed = False

    def notify_watch(self, key: bytes) -> None:
        """A key has changed: transactions that watch it fail, and who waits for it may look."""
        self.changed = True
        for socket in self._watches.get(key, ()):
            socket.notify_watch()

    def wake_all(self) -> None:
        """Nobody waits in another thread."""

    def get(self, key: bytes, default: Any = None) -> Any:
        """What is kept under a key, unless its time is over."""
        item = self._dict.get(key)
        if item is not None and item.expireat is not None and self.expired(item):
            del self._dict[key]
            item = None
        return default if item is None else item

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]

    def setdefault(self, key: bytes, default: Any = None) -> Any:
        """What is kept under a key; from now on this where nothing was."""
        item = self.get(key)
        if item is None:
            self[key] = item = default
        return item


class Store(FakeServer):
    """One simulated Redis server; `kill`, `start`, `pause` and `resume` keep its data, as a file would."""

    by_port: dict[int, Store] = {}  # noqa: RUF012 - the ports of the simulated machine

    def __init__(self, name: str, port: int) -> None:
        super().__init__(version=(7, 4))
        self.lock: Any = NoLock()
        self.name = name
        self.port = port
        self.paused = False
        self.waiting: list[Blocked] = []
        self.subscribers: Any = defaultdict(Ordered)
        self.psubscribers: Any = defaultdict(Ordered)
        self.dbs = defaultdict(self._database)
        self.by_port[port] = self

    def _database(self) -> Data:
        return Data(self.lock)

    def clear(self) -> None:
        """Empty, as at the beginning; connections stay."""
        for database in self.dbs.values():
            database._dict.clear()
            database._expiry_heap.clear()

    def kill(self) -> None:
        """SIGKILL: every connection is closed, new ones are refused, data stay."""
        self.connected = False
        self.drop_connections()

    def start(self) -> None:
        """Connections are taken again."""
        self.connected = True
        self.paused = False

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing is answered."""
        self.paused = True

    def resume(self) -> None:
        """SIGCONT: what was sent meanwhile is answered."""
        self.paused = False
        for socket in list(self.sockets):
            socket.catch_up()

    def drop_connections(self) -> int:
        """Close every connection; how many."""
        sockets = list(self.sockets)
        for socket in sockets:
            socket.lose()
        return len(sockets)

    def look_again(self) -> None:
        """After a command: those who wait for a list look whether it is there now."""
        if not self.waiting:
            return
        for database in self.dbs.values():
            if database.changed:  # type: ignore[attr-defined]
                database.changed = False  # type: ignore[attr-defined]
                for blocked in list(self.waiting):
                    blocked.look()


class StoreSocket(ExecutingSocket, Descriptor):
    """One connection: the server's side, by fakeredis, and the client's end of it."""

    def __init__(self, store: Store, database: int, protocol: int) -> None:
        self.store = store
        self.lost = False
        self.blocked: Blocked | None = None
        self.unsent: deque[list[bytes]] = deque()
        ExecutingSocket.__init__(
            self, store, database, client_class=redis.Redis, client_info=_info(database, protocol)
        )
        self.responses: Any = deque()
        self._fileno = self.number  # `Descriptor` is the last of the classes that are initialized above

    def fileno(self) -> int:
        """The number by which pollers know it."""
        return self.number

    def readable(self) -> bool:
        """Whether there is an answer, or the news that there will be none."""
        if self.blocked is not None:
            self.blocked.expire()
        return self.lost or bool(self.responses)

    def wait(self, timeout_s: float | None) -> bool:
        """As every descriptor; who reads the answer of ``BRPOP`` also gets to know that nothing came."""
        if self.blocked is not None and self.blocked.ends_ns is not None:
            left_s = max(0, self.blocked.ends_ns - CLOCK.ns) / 1e9
            timeout_s = left_s if timeout_s is None else min(timeout_s, left_s)
        return super().wait(timeout_s)

    def put_response(self, msg: Any) -> None:
        """An answer for the client."""
        if self.responses is not None:
            self.responses.append(msg)
            self.notify()

    def command(self, fields: list[bytes]) -> None:
        """A command arrives at the server."""
        if self.lost or self.responses is None:
            raise redis.ConnectionError(LOST)
        if self.store.paused or self.blocked is not None:
            self.unsent.append(fields)
            return
        self.process(fields)

    def process(self, fields: list[bytes]) -> None:
        """The server executes a command, whatever holds it back."""
        store = self.store
        self._process_command(fields)
        store.look_again()

    def catch_up(self) -> None:
        """Commands that came while the server was stopped, or while this connection waited."""
        while self.unsent and not self.store.paused and self.blocked is None and not self.lost:
            self._process_command(self.unsent.popleft())
            self.store.look_again()

    def lose(self) -> None:
        """The server closes the connection; the client notices when it reads or sends."""
        self.lost = True
        self._leave()
        self.kill()
        self.notify()

    def hang_up(self) -> None:
        """The client is gone: an answer that it had not read is lost."""
        self.close()

    def close(self) -> None:
        """The client closes the connection."""
        self._leave()
        if self.responses is not None:
            self._cleanup(self.store)
            super().close()
        self.forget()

    def shutdown(self, _: Any) -> None:
        """The client closes the connection."""

    def settimeout(self, _: Any) -> None:
        """Timeouts are the connection's own."""

    def _leave(self) -> None:
        if self.blocked is not None and self.blocked in self.store.waiting:
            self.store.waiting.remove(self.blocked)
        self.blocked = None

    def _blocking(self, timeout: float | None, func: Callable[[bool], Any], shape: Any = None) -> Any:
        """Where fakeredis would wait in real time."""
        found = func(True)
        if found is not None or self._in_transaction:
            return found if shape is None else shape(found)

        def attempt() -> Any:
            later = func(False)
            return None if later is None else self._decode_result(later if shape is None else shape(later))

        self.blocked = Blocked(self, attempt, timeout)
        self.store.waiting.append(self.blocked)
        return NoResponse()


def _info(database: int, protocol: int) -> dict[str, Any]:
    return {"addr": "127.0.0.1:0", "laddr": "127.0.0.1:0", "name": "", "db": database, "resp": protocol}


def install() -> None:
    """Connections of redis-py lead to the simulated servers from now on."""
    kind: Any = redis_connection.Connection
    kind._connect = _connect
    kind.on_connect = kind.on_connect_check_health = _on_connect
    kind.send_command = _send_command
    kind.pack_command = lambda _this, *args: [args]
    kind.pack_commands = lambda _this, commands: list(commands)
    kind.send_packed_command = _send_packed_command
    kind.can_read = _can_read
    kind.read_response = _read_response
    kind.disconnect = _disconnect
    pool: Any = redis_connection.ConnectionPool
    pool._checkpid = _checkpid


def _connect(this: Any) -> StoreSocket:
    store = Store.by_port.get(int(this.port))
    if store is None or not store.connected:
        raise ConnectionRefusedError(111, "Connection refused")
    return StoreSocket(store, int(this.db or 0), int(getattr(this, "protocol", 2) or 2))


def _on_connect(this: Any, **_: Any) -> None:
    """No handshake: database and protocol are the socket's own."""


def _send_command(this: Any, *args: Any, **options: Any) -> None:
    _send_packed_command(this, [args], options.get("check_health", True))


def _send_packed_command(this: Any, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002
    if this._sock is None:
        connect = getattr(this, "connect_check_health", None)
        connect(check_health=False) if connect is not None else this.connect()
    encode = this.encoder.encode
    try:
        for args in command:
            words = (*args[0].split(), *args[1:]) if isinstance(args[0], str) and " " in args[0] else args
            this._sock.command([word if type(word) is bytes else encode(word) for word in words])
    except redis.ConnectionError:
        this.disconnect()
        raise


def _can_read(this: Any, timeout: float | None = 0) -> bool:
    if this._sock is None:
        this.connect()
    socket = this._sock
    found = bool(socket.readable() if timeout == 0 else socket.wait(timeout))
    if found and socket.lost and not socket.responses:
        this.disconnect()
        # By this a pool notices that the server has closed a connection (`redis/_parsers/socket.py`).
        raise redis.ConnectionError(LOST)
    return found


def _read_response(
    this: Any,
    disable_decoding: bool = False,  # noqa: FBT001, FBT002 - as redis-py has it
    *,
    timeout: Any = UNSAID,
    disconnect_on_error: bool = True,
    **_: Any,
) -> Any:
    socket = this._sock
    if socket is None:
        raise redis.ConnectionError(LOST)
    given = timeout is None or isinstance(timeout, int | float)
    if not socket.readable() and not socket.wait(timeout if given else this.socket_timeout):
        if disconnect_on_error:
            this.disconnect()
        raise redis.TimeoutError(f"Timeout reading from {this.host}:{this.port}")
    if not socket.responses:
        if disconnect_on_error:
            this.disconnect()
        raise redis.ConnectionError(LOST)
    answer = socket.responses.popleft()
    if this.health_check_interval:
        this.next_health_check = time.monotonic() + this.health_check_interval
    if isinstance(answer, Exception):
        raise answer
    return answer if disable_decoding else _decoded(answer, this.encoder)


def _decoded(answer: Any, encoder: Any) -> Any:
    if not encoder.decode_responses:
        return answer
    if isinstance(answer, list):
        return [_decoded(each, encoder) for each in answer]
    if isinstance(answer, dict):
        return {_decoded(name, encoder): _decoded(value, encoder) for name, value in answer.items()}
    return encoder.decode(answer) if isinstance(answer, bytes) else answer


def _disconnect(this: Any, *_: Any, **__: Any) -> None:
    socket, this._sock = this._sock, None
    if socket is not None and not WORLD.kernel.closing:
        socket.close()


def _checkpid(this: Any) -> None:
    """Each process has connections of its own (redis-py opens new ones after a fork)."""
    pid = WORLD.kernel.current.pid
    if this.pid == pid:
        return
    shelf = this.__dict__.setdefault("_harness_shelf", {})
    names = ("_created_connections", "_available_connections", "_in_use_connections")
    shelf[this.pid] = {name: getattr(this, name) for name in names if hasattr(this, name)}
    if pid in shelf:
        vars(this).update(shelf.pop(pid))
    else:
        this.reset()
    this.pid = pid
