"""Starts a stage's processes in containers: each in one of its own, on one network, under its own address.

What runs in a container is seen from here by the numbers that this machine's kernel knows it by: signals,
``/proc`` and the shared clock work as on the processes stage. So the engine must be on this machine.
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO, Any

import harness
from harness import engine
from harness.errors import StageError
from harness.images import Image, outermost
from harness.launcher import UNWANTED, ProcessLauncher, python_path, wait_until
from harness.reaper import start_time

PROC = "/run/celery-harness-proc"
"""Where this machine's ``/proc`` is seen in a container: it tells a process its number out here."""
NETWORKS = IPv4Network("10.231.0.0/16")
PREFIX = 26
"""Addresses of one run: small, since engines' own pools allow some thirty networks only."""
SERVERS = frozenset({"broker", "results", "cache", "mail", "postgres"})
"""Names whose address refuses connections while nothing runs under them, as a port of this machine does."""
TRIES = 20
GONE_WITHIN_S = 30.0
SIGNALLED = 128
"""An exit status above this tells the signal that ended a container's process."""


class ContainerProcess:
    """One container as `subprocess.Popen` has a process: `pid` is its first as this machine knows it."""

    def __init__(
        self, client: Any, container: str, pid: int, pipes: tuple[IO[bytes], IO[bytes]] | None
    ) -> None:
        self.client, self.container, self.pid = client, container, pid
        self.began = start_time(pid)
        self.stdin: IO[bytes] | None = pipes[0] if pipes else None
        self.stdout: IO[bytes] | None = pipes[1] if pipes else None
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        if self.returncode is None and not self._runs():
            with engine.told("look at a container"):
                state = self.client.inspect_container(self.container)["State"]
            if not state["Running"]:
                code = int(state["ExitCode"])
                self.returncode = SIGNALLED - code if code > SIGNALLED else code
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if not wait_until(lambda: self.poll() is not None, GONE_WITHIN_S if timeout is None else timeout):
            raise subprocess.TimeoutExpired(self.container, timeout or GONE_WITHIN_S)
        return self.returncode or 0

    def close(self) -> None:
        """Close our ends of its pipes."""
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                pipe.close()

    def _runs(self) -> bool:
        if self.began is None or start_time(self.pid) != self.began:
            return False
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] not in "ZX"
        return False


class ContainerLauncher(ProcessLauncher):
    """Everything that one run starts, in containers; `close` removes them and their network.

    `images` says what a name runs in: by the name itself, else by the word before its first dash.
    """

    def __init__(
        self,
        clock_environment: Mapping[str, Mapping[str, str]],
        folder: Path,
        token: str,
        images: Mapping[str, Image],
        *,
        client: Any,
    ) -> None:
        super().__init__(clock_environment, folder, token)
        self.client = client
        self.images = images
        self.written = [folder]
        self.isolation: Any = None
        """What enters these containers (`harness.stages._isolation`), once a world has asked for it."""
        self.labels = engine.labels(token)
        self.engine_reaper = engine.EngineReaper(token)
        self.network = f"celery-harness-{token}"
        self.subnet = self._new_network()
        self._hosts: dict[str, str] = {}
        self._naming = threading.Lock()
        self._refusing: dict[str, str] = {}
        self._named: dict[str, ContainerProcess] = {}

    def _new_network(self) -> IPv4Network:
        """A network without a way out, on addresses that nobody here has."""
        import docker

        candidates = list(NETWORKS.subnets(new_prefix=PREFIX))
        for subnet in random.sample(candidates, TRIES):
            pool = docker.types.IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
            config = docker.types.IPAMConfig(pool_configs=[pool])
            try:
                self.client.create_network(
                    self.network, driver="bridge", ipam=config, internal=True, labels=self.labels
                )
            except docker.errors.APIError as error:
                if "overlap" not in str(error.explanation):
                    raise StageError(f"The engine makes no network: {error.explanation}.") from error
            else:
                return subnet
        raise StageError("No network is free.", remedy=f"Remove networks of {NETWORKS}: docker network prune")

    def host(self, name: str) -> str:
        """The address of a name, the same for as long as the stage is up."""
        with self._naming:
            if name not in self._hosts:
                place = len(self._hosts) + 2
                if place >= self.subnet.num_addresses - 1:
                    raise StageError(f"A stage has {self.subnet.num_addresses - 3} containers at most.")
                self._hosts[name] = str(self.subnet[place])
            return self._hosts[name]

    def known(self) -> list[str]:
        """The names under which something was launched."""
        return list(self._named)

    def running(self, name: str) -> ContainerProcess | None:
        """The container that runs under a name; None where none does."""
        process = self._named.get(name)
        return process if process is not None and process.pid in self.processes else None

    def together(self, *starts: Callable[[], None]) -> None:
        """Call all of these at once; an engine takes most of a start to wait for the kernel.

        Nobody is left when this returns: on a warped stage a thread of the harness holds the clock up.
        """
        if len(starts) < 2:
            super().together(*starts)
            return
        with ThreadPoolExecutor(len(starts)) as pool:
            for each in [pool.submit(start) for start in starts]:
                each.result()

    @property
    def separate(self) -> bool:
        """Each process has a network and process ids of its own."""
        return True

    def image(self, name: str) -> Image:
        """What a name runs in."""
        return self.images.get(name) or self.images.get(name.partition("-")[0]) or self.images["environment"]

    def popen(  # type: ignore[override]
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        passive: bool = True,
        workdir: Path | None = None,
        pipes: bool = False,
    ) -> ContainerProcess:
        """Start a container; output goes to ``logs/NAME.log``, or to pipes for input and output."""
        if name in self._refusing:
            with engine.told("remove what refuses connections"):
                self.client.remove_container(self._refusing.pop(name), force=True, v=True)
        image = self.image(name)
        variables = self._variables(image, environment or {}, passive=passive)
        made = self._pipes(name) if pipes else None
        with engine.told(f"start {name}"):
            container = self._create(
                name, image, self._command(image, command), variables, workdir, pipes=pipes
            )
            self.client.start(container)
            pid = int(self.client.inspect_container(container)["State"]["Pid"])
        process = ContainerProcess(self.client, container, pid, made)
        key = pid or -len(self.processes) - 1  # it has ended before it could be asked
        process.pid = key
        self._named[name] = process
        self.processes[key] = process
        return process

    def adopt(self, name: str, container: str) -> str:
        """Take a container that somebody else has started onto the network; its address there."""
        self.client.connect_container_to_network(container, self.network, ipv4_address=self.host(name))
        pid = int(self.client.inspect_container(container)["State"]["Pid"])
        self._named[name] = process = ContainerProcess(self.client, container, pid, None)
        self.processes[pid] = process
        return self.host(name)

    def _create(
        self, name: str, image: Image, command: Sequence[str], variables: Mapping[str, str],
        workdir: Path | None, *, pipes: bool,
    ) -> str:  # fmt: skip
        log = shlex.quote(str(self.folder / "logs" / f"{name}.log"))
        into, out = (shlex.quote(str(self._pipe(name, way))) for way in ("in", "out"))
        ways = f"<{into} >{out} 2>>{log}" if pipes else f"</dev/null >>{log} 2>&1"
        own = workdir or self.folder
        network = self.client.create_endpoint_config(ipv4_address=self.host(name), aliases=[name])
        made = self.client.create_container(
            image.reference,
            entrypoint=["/bin/sh", "-c", f'exec "$@" {ways}', "sh"],
            command=list(command),
            name=f"{self.network}-{name}",
            hostname=name,
            user=f"{os.getuid()}:{os.getgid()}",
            environment=dict(variables),
            labels=self.labels,
            working_dir=str(own) if image.mounts or workdir is None else None,
            networking_config=self.client.create_networking_config({self.network: network}),
            host_config=self.client.create_host_config(
                binds=self._binds(image),
                network_mode=self.network,
                log_config={"type": "none"},
                security_opt=["no-new-privileges"],
            ),
        )
        return str(made["Id"])

    def _binds(self, image: Image) -> list[str]:
        package = Path(harness.__file__).resolve().parent
        own = [Path(each) for each in image.mounts] if image.mounts else [package]
        clock = self.clock_environment["active"].get("LD_PRELOAD", "").split()
        own += [Path(each).parent for each in clock]
        read = [path for path in outermost(own) if path not in self.written]
        binds = [f"{path}:{path}:ro" for path in read] + [f"{path}:{path}:rw" for path in self.written]
        return [*binds, f"/proc:{PROC}:ro"]

    def _variables(self, image: Image, given: Mapping[str, str], *, passive: bool) -> dict[str, str]:
        own = self.own_environment(given, passive=passive) | {"CELERY_HARNESS_PROC": PROC}
        if image.source != "environment":
            if "PYTHONPATH" in own:
                own["PYTHONPATH"] = str(Path(harness.__file__).resolve().parent.parent)
            return own
        inherited = {k: v for k, v in os.environ.items() if k not in UNWANTED}
        return inherited | {"PYTHONPATH": python_path()} | own

    def _command(self, image: Image, command: Sequence[str]) -> list[str]:
        first, *rest = command
        if image.program is not None:
            return [image.program, *rest]
        if not image.mounts and first == sys.executable:  # Debian has no program of the first name
            return ["/bin/sh", "-c", 'exec "$(command -v python || command -v python3)" "$@"', "sh", *rest]
        return [first, *rest]

    def _pipe(self, name: str, way: str) -> Path:
        return self.folder / "logs" / f"{name}.{way}"

    def _pipes(self, name: str) -> tuple[IO[bytes], IO[bytes]]:
        """Named pipes in the stage's folder; ours are open before the other end is."""
        ends = []
        for way, mode in (("in", os.O_RDWR), ("out", os.O_RDONLY)):
            path = self._pipe(name, way)
            os.mkfifo(path, 0o600)
            descriptor = os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC)
            ends.append(os.fdopen(descriptor, "wb" if way == "in" else "rb", buffering=0))
        return ends[0], ends[1]

    def run(
        self, pid: int, command: Sequence[str], *, environment: Mapping[str, str], within_s: float
    ) -> str:
        """Run a command in the container of a launched process; what it printed."""
        process: Any = self.processes.get(pid)
        name = f"{Path(command[0]).name} {command[-1]}"
        if process is None:
            raise StageError(f"{name}: it does not run.")
        return self.execute(process.container, command, environment=environment, within_s=within_s, name=name)

    def execute(
        self, container: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None,
        within_s: float = 30.0, name: str = "",
    ) -> str:  # fmt: skip
        """Run a command in a container, in real time; what it printed. `StageError` if it fails."""
        bounded = ["timeout", "-k", "1", f"{within_s:g}", *command]
        real = {"LD_PRELOAD": ""} | {k: v for k, v in (environment or {}).items() if k != "LD_PRELOAD"}
        with engine.told(f"run {name or command[0]}"):
            made = self.client.exec_create(container, bounded, environment=real)
            said = str(self.client.exec_start(made["Id"]).decode("utf-8", "replace"))
            code = self.client.exec_inspect(made["Id"])["ExitCode"]
        if code:
            raise StageError(f"{name or command[0]}: {said.strip()[:300] or f'exit status {code}'}")
        return said

    def end(self, pid: int, *, within_s: float = 30.0) -> None:
        """Kill a container and remove it; returns when it is gone."""
        process: Any = self.processes.pop(pid, None)
        if process is None:
            return
        with engine.told("remove a container"):
            self.client.remove_container(process.container, force=True, v=True)
        process.close()
        if not wait_until(lambda: not process._runs(), within_s):  # noqa: SLF001 - of this module
            raise StageError(f"Container {process.container[:12]} did not end within {within_s:g} s.")
        gone = [name for name, each in self._named.items() if each is process and name in SERVERS]
        if gone and not self.over:
            self._refuse(gone[0])

    def _refuse(self, name: str) -> None:
        """Something stands at a server's address and listens nowhere, until the server is back.

        An address that nobody has answers nothing, for as long as the kernel asks for it in its own time.
        """
        image = self.images["environment"]
        network = self.client.create_endpoint_config(ipv4_address=self.host(name))
        with engine.told(f"keep the address of {name}"):
            made = self.client.create_container(
                image.reference,
                command=["/bin/sleep", "infinity"],
                name=f"{self.network}-{name}-gone",
                labels=self.labels,
                networking_config=self.client.create_networking_config({self.network: network}),
                host_config=self.client.create_host_config(
                    binds=[f"{each}:{each}:ro" for each in image.mounts],
                    network_mode=self.network,
                    log_config={"type": "none"},
                ),
            )
            self._refusing[name] = str(made["Id"])
            self.client.start(made["Id"])

    def write_in(self, *folders: Path) -> None:
        """What is started from now on may write in these folders, and no longer in others."""
        self.written = outermost([self.folder, *folders])

    def end_all_but(self, names: Container[str]) -> None:
        """Kill and remove all other containers."""
        others = [name for name in self._named if name not in names]
        self.together(*(partial(self.end, self._named[name].pid) for name in others))
        for name in others:
            del self._named[name]

    def close(self) -> None:
        """Remove everything that was started, then the network, then the folder."""
        removed = False
        try:
            for process in self._named.values():
                process.close()
            self.processes.clear()
            with engine.told("remove containers"):
                removed = engine.remove_all(self.client, self.token)
        finally:
            self.engine_reaper.close(removed=removed)
            self.client.close()
            super().close()
