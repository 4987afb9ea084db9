"""The docker SDK's client for pytest-celery, with the images that are here: no registry, and nothing is left
behind.

Containers, networks and volumes are the engine's own. An image of Redis or RabbitMQ is the one that
`celery-harness images` lists, and whatever is built from a Dockerfile an empty image with this Python
environment mounted into it. All of it carries a label and goes with the session, also after SIGKILL
(`harness.engine`).
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import engine, images
from harness.docker_images import Image, Images, program

RABBITMQ_CONF = "loopback_users = none\nlog.console = true\nlog.console.level = info\nlog.file = false\n"


class LocalEngine:
    """The client: as the SDK's, but for where images come from."""

    def __init__(self) -> None:
        import docker

        self.token = secrets.token_hex(8)
        self.low = engine.connect()
        engine.sweep(self.low)
        self.sdk: Any = docker.DockerClient(
            base_url=os.environ.get("DOCKER_HOST") or engine.SOCKET, version="auto"
        )
        self.reaper = engine.EngineReaper(self.token)
        self.labels = engine.labels(self.token)
        self.folder = tempfile.TemporaryDirectory(prefix="celery-harness-")
        self.images = Images()
        self.containers = Containers(self)
        self.networks, self.volumes = (
            Labelled(each, self.labels) for each in (self.sdk.networks, self.sdk.volumes)
        )

    def configuration(self) -> Path:
        """RabbitMQ's, by which guests from other containers are let in, and what it does is told."""
        path = Path(self.folder.name) / "rabbitmq.conf"
        path.write_text(RABBITMQ_CONF, encoding="ascii")
        path.chmod(0o644)
        path.parent.chmod(0o755)
        return path

    def close(self) -> None:
        """Remove everything of this session."""
        engine.remove_all(self.low, self.token)
        self.reaper.close()
        self.low.close()
        self.sdk.close()
        self.folder.cleanup()


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

    def run(self, image: str, **given: Any) -> Any:
        """One that runs."""
        return self._client.sdk.containers.run(**self._translated(image, given) | {"detach": True})

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
            given = {"working_dir": image.workdir if _is_mounted(image.workdir, volumes) else "/tmp", **given}  # noqa: S108
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
        return words if isinstance(words, str) else program([str(word) for word in words])


def _pairs(given: Any) -> dict[str, str]:
    if not given:
        return {}
    return dict(given) if isinstance(given, Mapping) else dict(each.partition("=")[::2] for each in given)


def _is_mounted(place: str, volumes: Mapping[str, Any]) -> bool:
    return any(str(way["bind"]) == place for way in volumes.values())
