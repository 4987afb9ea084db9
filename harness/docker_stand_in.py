"""What the docker SDK's client is to pytest-celery, without an engine: its containers are processes here.

An image of Redis is this machine's Redis or Valkey, one of RabbitMQ a private node, one of Memcached this
machine's, and whatever is built from a Dockerfile this Python environment, with the Dockerfile's command,
variables and working folder, and its version of Celery. All of it ends with the session, also after SIGKILL
(`harness.reaper`).
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from harness import environments, redis_server
from harness.docker_images import Image, Images, Things, program, signal_number
from harness.docker_nodes import Nodes
from harness.errors import StageError
from harness.launcher import ProcessLauncher, wait_until

STOP_WITHIN_S = 10.0
READY_WITHIN_S = 60.0
RABBIT_PORT, MANAGEMENT_PORT = "5672/tcp", "15672/tcp"
LISTENS = "   0: 0100007F:{port:04X} 00000000:0000 0A 0 0 0 0 0 0"
"""A line of ``/proc/net/tcp`` (``proc(5)``), which is looked at to see whether a server listens."""


class ExecResult(NamedTuple):
    """As the docker SDK has it."""

    exit_code: int
    output: bytes


class Container:
    """One container: a process with its variables and folders; a worker unless a subclass says otherwise."""

    def __init__(self, client: StandIn, image: Image, **given: Any) -> None:
        self.client, self.image, self.given = client, image, given
        self.id = uuid.uuid4().hex
        self.name = str(given.get("name") or f"stand-in-{self.id[:12]}")
        self.labels = dict(given.get("labels") or {})
        other = image.celery and environments.python_of([f"celery=={image.celery}"])
        self.python = other or Path(sys.executable)
        self.pid = 0
        self.paused = False
        self.status = "created"
        """``created``, ``running``, ``paused`` or ``exited``: as of the last `reload`, as the SDK has it."""
        self.ports: dict[str, int] = {}
        self.folders = {
            str(v["bind"]): client.folder_of(str(k)) for k, v in (given.get("volumes") or {}).items()
        }

    def state(self) -> str:
        """Its status now."""
        if not self.pid:
            return "created"
        if self.client.launcher.ended(self.pid):
            return "exited"
        return "paused" if self.paused else "running"

    @property
    def address(self) -> str:
        """By which other containers reach it; with the port, which is its own on the one loopback."""
        port = next(iter(self.ports.values()), 0)
        return f"127.0.0.1:{port}" if port else self.id[:12]

    @property
    def attrs(self) -> dict[str, Any]:
        """As far as pytest-docker-tools looks at them."""
        published = {
            inner: [{"HostIp": "127.0.0.1", "HostPort": str(port)}] for inner, port in self.ports.items()
        }
        network = str(self.given.get("network") or "bridge")
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "State": {"Status": self.status, "Running": self.status == "running", "Pid": self.pid},
            "Config": {
                "Hostname": self.address,
                "Env": [f"{name}={value}" for name, value in self.variables().items()],
                "Image": self.image.id,
                "Labels": self.labels,
            },
            "NetworkSettings": {"Ports": published, "Networks": {network: {"IPAddress": "127.0.0.1"}}},
            "HostConfig": {"PortBindings": published},
            "Mounts": [],
        }  # fmt: skip

    def variables(self) -> dict[str, str]:
        """What it runs with besides this process's own environment; its folders by their places here."""
        given = self.given.get("environment") or {}
        pairs = given if isinstance(given, Mapping) else dict(each.partition("=")[::2] for each in given)
        own = {"PATH": f"{self.python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        return own | {
            name: self.here(str(value)) for name, value in {**self.image.variables, **pairs}.items()
        }

    def here(self, text: str) -> str:
        """A text with the container's own folders replaced by those in which they are."""
        for inside, outside in self.folders.items():
            place = str(outside).replace("\\", r"\\")
            text = re.sub(rf"(?<![\w./-]){re.escape(inside)}(?![\w-])", place, text)
        return text

    def command(self) -> list[str]:
        """What it runs: its own command, else the image's."""
        given = self.given.get("command") or list(self.image.command)
        words = shlex.split(given) if isinstance(given, str) else [str(word) for word in given]
        return program([self.here(word).replace("%h", self.id[:12]) for word in words], self.python)

    def workdir(self) -> Path:
        """Where it runs: the place of its working folder, or of the first of its folders."""
        inside = str(self.given.get("working_dir") or self.image.workdir)
        return self.folders.get(inside) or next(iter(self.folders.values()), self.client.launcher.folder)

    def start(self) -> None:
        """Start its process."""
        process = self.client.launcher.popen(
            self.name, self.command(), environment=self.variables(), workdir=self.workdir()
        )
        self.pid, self.paused = process.pid, False

    def reload(self) -> None:
        """Look at it again."""
        self.status = self.state()

    def logs(self, **_: Any) -> bytes:
        """All that it has printed, over all its starts."""
        with suppress(OSError):
            return (self.client.launcher.folder / "logs" / f"{self.name}.log").read_bytes()
        return b""

    def kill(self, signal: str | int | None = None) -> None:
        """A signal for the first process; SIGKILL ends the container with all that is in it."""
        number = signal_number(signal or "SIGKILL")
        if number == 9:
            self.client.launcher.end(self.pid)
        else:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, timeout: float = STOP_WITHIN_S, **_: Any) -> None:
        """SIGTERM, and SIGKILL after `timeout` seconds."""
        if self.state() in ("running", "paused"):
            self.kill("SIGTERM")
            wait_until(lambda: self.client.launcher.ended(self.pid), timeout)
        self.client.launcher.end(self.pid)

    def restart(self, timeout: float = STOP_WITHIN_S, **_: Any) -> None:
        """Stop it and start it again, under the same address."""
        self.stop(timeout)
        self.start()

    def pause(self) -> None:
        """SIGSTOP."""
        os.killpg(self.pid, signal.SIGSTOP)
        self.paused = True

    def unpause(self) -> None:
        """SIGCONT."""
        os.killpg(self.pid, signal.SIGCONT)
        self.paused = False

    def wait(self, timeout: float = STOP_WITHIN_S, **_: Any) -> dict[str, int]:
        """Wait for its end."""
        wait_until(lambda: self.client.launcher.ended(self.pid), timeout)
        return {"StatusCode": self.client.launcher.exit_status(self.pid) or 0}

    def remove(self, **_: Any) -> None:
        """End it."""
        if self.pid:
            self.client.launcher.end(self.pid)
        self.client.containers.known.pop(self.id, None)

    def exec_run(self, cmd: str | Sequence[str], **_: Any) -> ExecResult:
        """Run a command where it runs."""
        words = shlex.split(cmd) if isinstance(cmd, str) else list(cmd)
        if words[:2] == ["cat", "/proc/net/tcp"]:
            lines = [LISTENS.format(port=int(inner.split("/")[0])) for inner in self.ports if self.listens()]
            return ExecResult(0, "\n".join(lines).encode())
        done = subprocess.run(
            program([self.here(word) for word in words], self.python), cwd=self.workdir(),
            env={**os.environ, **self.variables()}, timeout=READY_WITHIN_S, capture_output=True, check=False,
        )  # fmt: skip
        return ExecResult(done.returncode, done.stdout + done.stderr)

    def listens(self) -> bool:
        """Whether its server takes connections."""
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", next(iter(self.ports.values()))), timeout=1),
        ):
            return True
        return False

    def put_archive(self, path: str, data: Any) -> bool:
        """Unpack a tar into one of its folders."""
        stream = io.BytesIO(data) if isinstance(data, bytes) else data
        with tarfile.open(fileobj=stream) as archive:
            archive.extractall(self.here(path), filter="data")
        return True

    def get_archive(self, path: str, **_: Any) -> tuple[Sequence[bytes], Mapping[str, Any]]:
        """A file or folder as a tar."""
        buffer, where = io.BytesIO(), Path(self.here(path))
        with tarfile.open(mode="w", fileobj=buffer) as archive:
            archive.add(where, where.name)
        return [buffer.getvalue()], {"name": where.name}


class ServerContainer(Container):
    """A server of this machine with the options that the suite gives."""

    port = ""

    def start(self) -> None:
        """On a port of its own, the same after a restart."""
        self.ports = self.ports or {self.port: self.client.launcher.free_port()}
        super().start()

    def options(self) -> list[str]:
        """What the suite's command says behind the server's name."""
        given = self.given.get("command") or ()
        return [str(word) for word in (shlex.split(given) if isinstance(given, str) else given)][1:]


class RedisContainer(ServerContainer):
    """This machine's Redis or Valkey."""

    port = "6379/tcp"

    def command(self) -> list[str]:
        """The server's options, and where it listens here."""
        binary = redis_server.find_binary()
        if binary is None:
            found = redis_server.available()
            raise StageError(f"{found.why}.", remedy=found.remedy)
        own = ["--port", str(self.ports[self.port]), "--bind", "127.0.0.1", "--dir", str(self.folder())]
        return [binary, *self.options(), *own]

    def folder(self) -> Path:
        """Where it keeps its data."""
        path = self.client.launcher.folder / self.name
        path.mkdir(exist_ok=True)
        return path


class MemcachedContainer(ServerContainer):
    """This machine's Memcached; what it has is gone after a restart."""

    port = "11211/tcp"

    def command(self) -> list[str]:
        """The server's options, and where it listens here; as root it wants to be told a user."""
        binary = shutil.which("memcached")
        if binary is None:
            raise StageError("There is no memcached.", remedy="apt-get install memcached")
        user = ["-u", "root"] if os.geteuid() == 0 else []
        own = ["-l", "127.0.0.1", "-p", str(self.ports[self.port]), "-U", "0"]
        return [binary, *self.options(), *own, *user]


class RabbitContainer(Container):
    """A RabbitMQ node; the session's own, with its vhost made anew, where no other container has it."""

    node: Any = None

    def start(self) -> None:
        """Start a node, or take the session's over; returns when it opens channels."""
        management = "management" in self.image.id
        self.node = self.node or self.client.nodes.take(self, management=management)
        self.node.start()
        self.pid = self.node.pid
        self.ports = {RABBIT_PORT: int(self.node.port)}
        if management:
            self.ports[MANAGEMENT_PORT] = int(self.node.management_port)

    def logs(self, **_: Any) -> bytes:
        """What pytest-celery waits for is told in RabbitMQ's own words once the node opens channels."""
        return b"Server startup complete\n" if self.node.pid else b""

    def kill(self, signal: str | int | None = None) -> None:
        """The node with all its processes, whatever the signal that ends it."""
        if signal_number(signal or "SIGKILL") in (2, 3, 9, 15):
            self.node.kill()

    def stop(self, timeout: float = STOP_WITHIN_S, **_: Any) -> None:  # noqa: ARG002 - it ends at once
        """Durable queues and persistent messages are with the kernel, and survive that."""
        self.node.kill()

    def restart(self, timeout: float = STOP_WITHIN_S, **_: Any) -> None:  # noqa: ARG002 - as above
        """On the same address and data."""
        self.node.kill()
        self.start()

    def pause(self) -> None:
        """SIGSTOP."""
        self.node.pause()
        self.paused = True

    def unpause(self) -> None:
        """SIGCONT."""
        self.node.resume()
        self.paused = False

    def remove(self, **_: Any) -> None:
        """Give the node back, or end it."""
        self.client.nodes.give_back(self, self.node)
        self.client.containers.known.pop(self.id, None)


KINDS: Mapping[str, type[Container]] = {
    "redis": RedisContainer,
    "rabbitmq": RabbitContainer,
    "memcached": MemcachedContainer,
    "worker": Container,
}


class Containers:
    """The containers of a session."""

    def __init__(self, client: StandIn) -> None:
        self.client = client
        self.known: dict[str, Container] = {}

    def create(self, image: str, **given: Any) -> Container:
        """One that does not run yet."""
        found = self.client.images.get(str(image))
        made = KINDS[found.role](self.client, found, **given)
        self.known[made.id] = made
        return made

    def run(self, image: str, **given: Any) -> Container:
        """One that runs."""
        made = self.create(image, **given)
        made.start()
        return made

    def get(self, name: str) -> Container:
        """By name or id."""
        return next(each for each in self.known.values() if name in (each.name, each.id, each.id[:12]))

    def list(self, **_: Any) -> Sequence[Container]:
        """All of them."""
        return [*self.known.values()]


class StandIn:
    """The client."""

    def __init__(self) -> None:
        folder, token = ProcessLauncher.new_folder()
        self.launcher = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
        self.images, self.containers = Images(), Containers(self)
        self.networks, self.volumes = Things(None), Things(folder / "volumes")
        self.nodes = Nodes(self.launcher)

    def folder_of(self, name: str) -> Path:
        """A volume's folder, or a folder of this machine."""
        known = self.volumes.known.get(name)
        return Path(name) if known is None or known.path is None else known.path

    def close(self) -> None:
        """End everything."""
        self.nodes.close()
        self.launcher.close()
