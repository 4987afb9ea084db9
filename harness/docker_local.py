"""The docker SDK's client for pytest-celery, with the images that are here: no registry, and nothing is left
behind.

Containers, networks and volumes are the engine's own. An image of Redis or RabbitMQ is the one that
`celery-harness images` lists, and whatever is built from a Dockerfile an empty image with this Python
environment mounted into it. All of it carries a label and goes with the session, also after SIGKILL
(`harness.engine`).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import engine, images
from harness.docker_images import Image, Images, program
from harness.docker_nodes import FRESH_VHOST
from harness.launcher import ProcessLauncher
from harness.reaper import Reaper

RESETS = {"redis": ["redis-cli", "FLUSHALL"], "rabbitmq": ["rabbitmqctl", "eval", FRESH_VHOST]}
"""What empties a server; where it fails, the next test gets a new one."""
RABBITMQ_CONF = "loopback_users = none\nlog.console = true\nlog.console.level = info\nlog.file = false\n"


class LocalEngine:
    """The client: as the SDK's, but for where images come from."""

    def __init__(self) -> None:
        import docker

        self.low = engine.connect()
        engine.sweep(self.low)
        self.sdk: Any = docker.DockerClient(
            base_url=os.environ.get("DOCKER_HOST") or engine.SOCKET, version="auto"
        )
        self.folder, self.token = ProcessLauncher.new_folder()
        self.reapers = (engine.EngineReaper(self.token), Reaper())
        self.reapers[1].start(self.token, self.folder)
        self.labels = engine.labels(self.token)
        self.images = Images()
        self.containers = Containers(self)
        self.networks, self.volumes = (
            Labelled(each, self.labels) for each in (self.sdk.networks, self.sdk.volumes)
        )

    def configuration(self) -> Path:
        """RabbitMQ's, by which guests from other containers are let in, and what it does is told."""
        path = self.folder / "rabbitmq.conf"
        path.write_text(RABBITMQ_CONF, encoding="ascii")
        path.chmod(0o644)
        path.parent.chmod(0o755)
        return path

    def close(self) -> None:
        """Remove everything of this session."""
        engine.remove_all(self.low, self.token)
        for reaper in self.reapers:
            reaper.close()
        self.low.close()
        self.sdk.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Labelled:
    """Networks or volumes of the engine, with our label on those that are made."""

    def __init__(self, kind: Any, labels: Mapping[str, str]) -> None:
        self._kind, self._labels = kind, labels

    def create(self, name: str, **given: Any) -> Any:
        """A new one."""
        return self._kind.create(name, **given | {"labels": {**given.get("labels", {}), **self._labels}})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kind, name)


class Containers:
    """Containers of the engine, made of images that are here."""

    def __init__(self, client: LocalEngine) -> None:
        self._client = client
        self._idle: dict[str, list[Any]] = {}

    def run(self, image: str, **given: Any) -> Any:
        """One that runs; a server that an earlier test has given back, where it asks for the same."""
        wanted = self._translated(image, given) | {"detach": True}
        role = self._client.images.get(str(image)).role
        if role not in RESETS:
            return self._client.sdk.containers.run(**wanted)
        key = repr(
            sorted((k, v) for k, v in wanted.items() if k in ("image", "environment", "ports", "command"))
        )
        idle = self._idle.setdefault(key, [])
        server = Server(idle.pop() if idle else self._client.sdk.containers.run(**wanted), role, idle)
        server.join(self._client.sdk.networks.get(str(wanted["network"])) if wanted.get("network") else None)
        return server

    def create(self, image: str, **given: Any) -> Any:
        """One that does not run yet."""
        return self._client.sdk.containers.create(**self._translated(image, given))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client.sdk.containers, name)

    def _translated(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the suite asked for, with an image of ours and what this takes."""
        image = self._client.images.get(str(name))
        role = image.role if image.role in ("redis", "rabbitmq") else "worker"
        found = images.find(self._client.low, role, ("environment",) if role == "worker" else images.SOURCES)
        own = {**image.variables, **_pairs(given.get("environment"))}
        volumes = dict(given.get("volumes") or {})
        volumes |= {place: {"bind": place, "mode": "ro"} for place in found.mounts}
        if role == "worker":
            beside = Path(sys.executable).parent
            own = {"PATH": f"{beside}:{os.environ.get('PATH', os.defpath)}", "HOME": "/root", **own}
            # Where nothing of it is mounted, a folder of the image's own.
            place = image.workdir if _is_mounted(image.workdir, volumes) else "/tmp"  # noqa: S108 - the image's
            given = {"working_dir": place, **given}
        if role == "rabbitmq":
            path = str(self._client.configuration())
            volumes[path] = {"bind": path, "mode": "ro"}
            own |= {"RABBITMQ_CONFIG_FILE": path.removesuffix(".conf"), "RABBITMQ_LOGS": "-"}
        return {
            **given,
            "image": found.reference,
            "environment": own,
            "volumes": volumes,
            "labels": {**(given.get("labels") or {}), **self._client.labels},
            "command": self._command(image, role, given.get("command")),
        }

    def _command(self, image: Image, role: str, given: Any) -> Any:
        if role == "rabbitmq":
            return given or ["rabbitmq-server"]
        if role == "redis":
            return given or ["redis-server", "--protected-mode", "no"]
        words = given or list(image.command) or ["/bin/true"]
        return (
            words if isinstance(words, str) else program([str(word) for word in words], Path(sys.executable))
        )


class Server:
    """A container with a server in it, emptied and given to the next test instead of being removed."""

    def __init__(self, container: Any, role: str, idle: list[Any]) -> None:
        self._container, self._role, self._idle = container, role, idle
        self._network: Any = None
        self._began = self._beginning()

    def join(self, network: Any) -> None:
        """Be in a test's network, under the name that containers have there."""
        self._network = network
        self._container.reload()
        if network is not None and network.name not in self._container.attrs["NetworkSettings"]["Networks"]:
            network.connect(self._container)

    def remove(self, **given: Any) -> None:
        """Leave the network, empty; one that was killed or started again is removed."""
        if self._beginning() == self._began and self._container.exec_run(RESETS[self._role]).exit_code == 0:
            if self._network is not None:
                self._network.disconnect(self._container, force=True)
            self._idle.append(self._container)
        else:
            self._container.remove(**given)

    def _beginning(self) -> str | None:
        self._container.reload()
        state = self._container.attrs["State"]
        return str(state["StartedAt"]) if state["Running"] else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)


def _pairs(given: Any) -> dict[str, str]:
    if not given:
        return {}
    return dict(given) if isinstance(given, Mapping) else dict(each.partition("=")[::2] for each in given)


def _is_mounted(place: str, volumes: Mapping[str, Any]) -> bool:
    return any(str(way["bind"]) == place for way in volumes.values())
