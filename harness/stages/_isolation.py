"""What only containers can do to a worker: partition, limit of memory, full or read-only disk.

One container a stage, started when it is first wanted, has the few capabilities that this takes (never
``--privileged``) and enters the victims' namespaces: whatever it does there is gone with the victim.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import engine
from harness.container_launcher import ContainerLauncher
from harness.errors import UsageError

MOUNTS = "-m -p"
"""With the process ids: ``umount`` reads ``/proc/self``, which is the victim's own."""
CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "SYS_CHROOT", "DAC_READ_SEARCH")
ROOM_BYTES = 65_536
"""What a full disk still had when it was mounted, besides what lay there; it is filled at once."""


class ContainerIsolation:
    """See `harness.stage.Isolation`."""

    def __init__(self, launcher: ContainerLauncher) -> None:
        self.launcher = launcher
        self.files = launcher.folder / "files"
        self._saboteur = ""

    @contextmanager
    def partition(self, one: str, other: str) -> Iterator[None]:
        """Nothing passes between two of the stage; nothing is refused, connections stay open."""
        address = self.launcher.host(self._named(other))
        rules = [f"INPUT -s {address} -j DROP", f"OUTPUT -d {address} -j DROP"]
        victim = self._process(one)
        for rule in rules:
            self._enter(victim.pid, "-n", f"iptables -w 5 -I {rule}")
        try:
            yield
        finally:
            for rule in rules if victim.poll() is None else ():
                self._enter(victim.pid, "-n", f"iptables -w 5 -D {rule}")

    @contextmanager
    def memory_limit(self, name: str, limit_bytes: int) -> Iterator[None]:
        """Whoever takes more memory than this in a container is killed by the kernel."""
        victim = self._process(name)
        with engine.told("limit memory"):
            self.launcher.client.update_container(
                victim.container, mem_limit=limit_bytes, memswap_limit=limit_bytes
            )
        try:
            yield
        finally:
            if victim.poll() is None:
                with engine.told("lift the limit of memory"):
                    whole = self.launcher.client.info()["MemTotal"]
                    self.launcher.client.update_container(
                        victim.container, mem_limit=whole, memswap_limit=whole
                    )

    @contextmanager
    def disk_full(self, name: str) -> Iterator[None]:
        """A container's folder for files has no room left: ``ENOSPC``. What was there can be read."""
        place, beside = shlex.quote(str(self.files)), shlex.quote(str(self.launcher.folder / "tmp" / "full"))
        size = (
            sum(each.stat().st_size + 8192 for each in self.files.rglob("*") if each.is_file()) + ROOM_BYTES
        )
        script = (
            f"mkdir -p {beside} && mount -t tmpfs -o size={size},mode=1777 tmpfs {beside} && "
            f"cp -a {place}/. {beside}/ && (cat /dev/zero >{beside}/.full 2>/dev/null || true) && "
            f"mount --move {beside} {place}"
        )
        with self._mounted(name, script, place):
            yield

    @contextmanager
    def disk_read_only(self, name: str) -> Iterator[None]:
        """A container's folder for files cannot be written: ``EROFS``. Files that are open stay open."""
        place = shlex.quote(str(self.files))
        with self._mounted(name, f"mount --bind {place} {place} && mount -o remount,bind,ro {place}", place):
            yield

    def stop(self, name: str, within_s: float) -> None:
        """As ``docker stop``: SIGTERM to the first process, SIGKILL to all after `within_s` real seconds."""
        victim = self._process(name)
        with engine.told("stop a container"):
            self.launcher.client.stop(victim.container, timeout=int(within_s))

    def killed_for_memory(self, name: str) -> bool:
        """Whether the engine has seen the kernel kill a container's process for its limit of memory."""
        state = self.launcher.client.inspect_container(self._process(name).container)["State"]
        return bool(state.get("OOMKilled"))

    @contextmanager
    def _mounted(self, name: str, script: str, place: str) -> Iterator[None]:
        victim = self._process(name)
        self._enter(victim.pid, MOUNTS, script)
        try:
            yield
        finally:
            if victim.poll() is None:
                self._enter(victim.pid, MOUNTS, f"umount -l {place}")

    def _named(self, name: str) -> str:
        names = {each.removeprefix("worker-"): each for each in self.launcher.known()}
        if name not in names and name not in names.values():
            remedy = f"There are: {', '.join(sorted(names))}."
            raise UsageError(f"There is no container {name!r} on the stage.", remedy=remedy)
        return names.get(name, name)

    def _process(self, name: str) -> Any:
        process = self.launcher.running(self._named(name))
        if process is None:
            raise UsageError(f"The container {name} does not run.", remedy="Start it first.")
        return process

    def _enter(self, pid: int, namespaces: str, script: str) -> None:
        command = ["nsenter", "-t", str(pid), *namespaces.split(), "--", "/bin/sh", "-c", script]
        self.launcher.execute(self._started(), command, name=script.partition(" ")[0])

    def _started(self) -> str:
        if not self._saboteur:
            launcher = self.launcher
            image = launcher.images["environment"]
            with engine.told("start what enters containers"):
                made = launcher.client.create_container(
                    image.reference,
                    command=["/bin/sleep", "infinity"],
                    user="0:0",
                    labels=launcher.labels,
                    host_config=launcher.client.create_host_config(
                        binds=[f"{Path(each)}:{Path(each)}:ro" for each in image.mounts],
                        cap_add=list(CAPABILITIES),
                        pid_mode="host",
                        network_mode="none",
                        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
                        log_config={"type": "none"},
                    ),
                )
                launcher.client.start(made["Id"])
            self._saboteur = str(made["Id"])
        return self._saboteur
