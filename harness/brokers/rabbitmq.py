"""RabbitMQ as the broker: a private node with its own name daemon, port and data folder.

The server script behind Debian's wrapper is started directly, because the wrapper changes user and
drops the environment (`/usr/sbin/rabbitmq-server`). Variables: https://www.rabbitmq.com/docs/configure.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kombu.connection import Connection

from harness.broker import Availability, Broker, BrokerState, Launcher, QueueState, ServerSettings
from harness.errors import StageError

READY_WITHIN_S = 90.0
CONTROL_WITHIN_S = 30.0
SCRIPTS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")
LIMIT = 10_000
"""Messages of one queue that are read, at most."""
DELAYED = tuple(f"celery_delayed_{level}" for level in range(28))
"""Queues of Celery's native delayed delivery (`kombu/transport/native_delayed_delivery.py`)."""

RENEW = """
case rabbit_alarm:get_alarms() of
  [] ->
    rabbit_vhost:add(<<"{now}">>, <<"harness">>),
    Every = <<".*">>,
    rabbit_auth_backend_internal:set_permissions(
      <<"guest">>, <<"{now}">>, Every, Every, Every, <<"harness">>),
    rabbit_vhost:delete(<<"{before}">>, <<"harness">>),
    harness_renewed;
  _ -> harness_alarmed
end.
"""
ERL_CALL = """
call=$(command -v erl_call || ls /usr/lib/erlang/lib/erl_interface-*/bin/erl_call \
  /opt/erlang/lib/erlang/lib/erl_interface-*/bin/erl_call 2>/dev/null | head -n 1)
[ -z "$call" ] && exec rabbitmqctl -n {node} eval "$1"
cookie=$(cat "$HOME/.erlang.cookie")
printf '%s' "$1" | "$call" -h harness$2 -sname {node} -c "$cookie" -e
"""


def find_server() -> str | None:
    """The server script: the one behind a distribution's wrapper, else the one on PATH."""
    return next((path for path in SCRIPTS if Path(path).exists()), None) or shutil.which("rabbitmq-server")


class RabbitmqBroker(Broker):
    """RabbitMQ, when `rabbitmq-server` is installed: a private node that ends with the stage."""

    protocol = "amqp"
    own_settings = (
        *("listeners.*", "ssl_*", "loopback_users*", "log.*", "cluster_*", "management.*", "default_user"),
        *("default_pass", "default_vhost", "definitions.*", "load_definitions", "auth_*", "proxy_protocol"),
        *("anonymous_login_*", "mqtt.*", "stomp.*", "stream.*", "web_*", "prometheus.*", "raft.data_dir"),
    )

    def __init__(self, launcher: Launcher, settings: ServerSettings | None = None) -> None:
        super().__init__(launcher, settings)
        self.host, self.port = launcher.host("broker"), launcher.free_port()
        self.folder = launcher.folder / "rabbitmq"
        self.management_port = 0
        """Where the management plugin listens; 0 without it (https://www.rabbitmq.com/docs/management)."""
        self.node = f"harness{self.port}@localhost"
        self._epmd_port, self._distribution_port = launcher.free_port(), launcher.free_port()
        self._epmd = 0
        self._pid = 0
        self._worlds = 1
        self._calls = 0

    @classmethod
    def available(cls) -> Availability:
        """Whether the server is installed."""
        found = find_server()
        if found is None or shutil.which("epmd") is None:
            return Availability(False, "there is no rabbitmq-server", "apt-get install rabbitmq-server")
        return Availability(True, version=f"rabbitmq-server ({found})")

    def launch(self) -> None:
        """Start the node and return at once."""
        self.folder.mkdir(exist_ok=True)
        plugins, listeners = "[].", ""
        if self.management_port:
            plugins = "[rabbitmq_management]."
            listeners = f"management.tcp.ip = {self.host}\nmanagement.tcp.port = {self.management_port}\n"
        (self.folder / "enabled_plugins").write_text(f"{plugins}\n", encoding="ascii")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {self.host}:{self.port}\nloopback_users = none\nlog.console.level = warning\n"
            + listeners
            + "".join(f"{name} = {value}\n" for name, value in self.settings_text()),
            encoding="utf-8",
        )
        # In a container of its own it starts a name daemon, which ends with it, before it starts itself.
        # The daemon is on no clock: a wake-up that finds it in select() would end it (OTP, epmd_srv.c).
        own = "LD_PRELOAD= epmd -daemon\n" if self.launcher.separate else ""
        (self.folder / "environment").write_text(own, encoding="ascii")
        if not self.launcher.separate and (not self._epmd or self.launcher.ended(self._epmd)):
            epmd = shutil.which("epmd") or "epmd"
            command = [epmd, "-address", "127.0.0.1", "-port", str(self._epmd_port)]
            self._epmd = self.launcher.launch("epmd", command, environment={"LD_PRELOAD": ""})
        self._pid = self.launcher.launch(
            "broker", [find_server() or "rabbitmq-server"], environment=self._environment()
        )

    def ready(self) -> None:
        """Wait until it opens a channel, and its management plugin listens where it has one."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.launcher.ended(self._pid):
                raise StageError(
                    "RabbitMQ ended while it started.",
                    remedy="The end of its log:\n" + self.launcher.log("broker"),
                )
            with suppress(OSError):
                # kombu waits two seconds before it says that nobody listens (connection.py, ``connect``).
                for port in filter(None, (self.port, self.management_port)):
                    socket.create_connection((self.host, port), timeout=2).close()
                with self._connection() as connection:
                    connection.channel().close()
                    return
            time.sleep(0.02)  # polls a process that has no other way to tell; bounded above
        raise StageError(f"RabbitMQ did not open a channel within {READY_WITHIN_S:g} s.")

    def start(self) -> None:
        """Start (again) on the same port and data, and wait."""
        if not self._pid:
            self.launch()
        self.ready()

    def stop(self) -> None:
        """End the node and its name daemon."""
        self.kill()
        if self._epmd:
            self.launcher.end(self._epmd)
            self._epmd = 0

    @property
    def _vhost(self) -> str:
        """The default one at first, then one of each world's own."""
        return "/" if self._worlds == 1 else f"world-{self._worlds}"

    def renew(self) -> bool:
        """Another virtual host, and the one that was is gone; False where the node does not run well."""
        if not self._pid or self.launcher.ended(self._pid):
            return False
        before, self._worlds = self._vhost, self._worlds + 1
        try:
            return "harness_renewed" in self._evaluate(RENEW.format(before=before, now=self._vhost))
        except StageError:
            return False

    def url(self) -> str:
        """``amqp://guest:guest@127.0.0.1:PORT//``."""
        return f"amqp://guest:guest@{self.host}:{self.port}/{self._vhost}"

    def addresses(self) -> Sequence[tuple[str, int]]:
        """One address."""
        return ((self.host, self.port),)

    @property
    def pid(self) -> int:
        """The server script; the Erlang machine is in its session."""
        return self._pid

    def kill(self) -> None:
        """SIGKILL the Erlang machine and its script."""
        if self._pid:
            pid, self._pid = self._pid, 0
            self.launcher.end(pid)

    def pause(self) -> None:
        """SIGSTOP the whole session."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT the whole session."""
        self._signal(signal.SIGCONT)

    def drop_connections(self) -> int:
        """``rabbitmqctl close_all_connections``; returns 0, since the command does not count."""
        self.control("close_all_connections", "ordered by the harness")
        return 0

    def delete_queue(self, queue: str) -> int:
        """``queue.delete``: its consumers are told (https://www.rabbitmq.com/docs/consumer-cancel)."""
        with self._connection() as connection:
            if self._declared(connection, queue) is None:
                return 0
            with connection.channel() as channel:
                return int(channel.queue_delete(queue))

    @contextmanager
    def out_of_memory(self) -> Iterator[None]:
        """The memory alarm, by a watermark that is always passed."""
        before = self.control("eval", 'io:format("~p", [vm_memory_monitor:get_vm_memory_high_watermark()]).')
        self.control("set_vm_memory_high_watermark", "0.0000001")
        try:
            yield
        finally:
            self.control("set_vm_memory_high_watermark", *_watermark(before))

    @contextmanager
    def out_of_disk(self) -> Iterator[None]:
        """The disk alarm, by a limit that no disk has."""
        before = self.control("eval", 'io:format("~p", [rabbit_disk_monitor:get_disk_free_limit()]).')
        self.control("set_disk_free_limit", str(10**18))
        try:
            yield
        finally:
            self.control("set_disk_free_limit", re.findall(r"\d+", before)[0])

    def read(self, queues: Iterable[str]) -> BrokerState:
        """Depth, message ids and consumers; messages are taken and given back, in order."""
        states, consumers = {}, {}
        with self._connection() as connection:
            for queue in [*queues, *DELAYED]:
                declared = self._declared(connection, queue)
                if declared is None:
                    continue
                if declared.consumer_count:
                    consumers[queue] = int(declared.consumer_count)
                if declared.message_count or queue not in DELAYED:
                    messages = self._peek(connection, queue)
                    ids = tuple(str(message["id"]) for message in messages if message["id"])
                    states[queue] = QueueState(int(declared.message_count), ids)
        return BrokerState(queues=states, consumers=consumers)

    def messages(self, queue: str) -> Sequence[Mapping[str, Any]]:
        """The messages of a queue, taken and given back."""
        with self._connection() as connection:
            return [] if self._declared(connection, queue) is None else self._peek(connection, queue)

    def _declared(self, connection: Any, queue: str) -> Any:
        try:
            with connection.channel() as channel:
                return channel.queue_declare(queue, passive=True)
        except connection.channel_errors:
            return None

    def _peek(self, connection: Any, queue: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        with connection.channel() as channel:
            while len(found) < LIMIT and (message := channel.basic_get(queue, no_ack=False)) is not None:
                found.append(_decoded(message))
        return found  # closing the channel gives them back

    def _connection(self) -> Any:
        kind: Any = Connection
        return kind(self.url(), connect_timeout=2, heartbeat=0)

    def _signal(self, number: signal.Signals) -> None:
        if self._pid:
            with suppress(ProcessLookupError):
                os.killpg(self._pid, number)

    def _environment(self) -> dict[str, str]:
        # One scheduler without busy waiting: a node of a test has little to do, and the virtual clock
        # can only jump while its threads sleep.
        # A node that is started again meets the interlock: its name daemon and itself are no strangers.
        own = (self.port, self._epmd_port, self._distribution_port)
        return {
            "CELERY_HARNESS_ALLOW": ",".join(
                f"{host}:{port}" for port in own for host in {"127.0.0.1", self.host}
            ),
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 1:1 +SDcpu 1:1 +SDio 1 +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            "LANG": "C.UTF-8",
            "ERL_CRASH_DUMP_SECONDS": "0",  # none is left in the folder of whoever asked
        }

    def _evaluate(self, expressions: str) -> str:
        """What the node makes of Erlang. ``erl_call`` takes a tenth of the time that ``rabbitmqctl`` takes.

        Each call has a name of its own: a node takes none that it believes connected.
        """
        self._calls += 1
        command = ["/bin/sh", "-c", ERL_CALL.format(node=self.node), "sh", expressions, str(self._calls)]
        return self.launcher.run(
            self._pid, command, environment=self._environment(), within_s=CONTROL_WITHIN_S
        )

    def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` on this node, and give what it printed; `StageError` if it fails."""
        script = Path(find_server() or "").with_name("rabbitmqctl")
        known = script.exists() and not self.launcher.separate
        command = [str(script) if known else "rabbitmqctl", "-n", self.node, *arguments]
        return self.launcher.run(
            self._pid, command, environment=self._environment(), within_s=CONTROL_WITHIN_S
        )


def _watermark(said: str) -> list[str]:
    """The arguments that set what the monitor told: a fraction, or an absolute number of bytes."""
    number = re.findall(r"[\d.]+", said)[0]
    return ["absolute", number] if "absolute" in said else [number]


def _decoded(message: Any) -> dict[str, Any]:
    headers = dict(message.headers.get("application_headers") or message.headers or {})
    try:
        args, kwargs, *_ = json.loads(message.body)
    except (ValueError, TypeError):
        args, kwargs = None, None
    return {
        "id": headers.get("id"), "task": headers.get("task"),
        "args": args, "kwargs": kwargs, "headers": headers,
    }  # fmt: skip
