"""Each worker, server and client in a container of its own, on a network without a way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness import discovery, engine, image_lock, images
from harness.broker import Availability
from harness.container_launcher import ContainerLauncher
from harness.errors import StageError, UsageError
from harness.images import Image
from harness.postgres_server import PostgresDatabase
from harness.stage import Stage, StageSettings, World
from harness.stages._base import based
from harness.stages._isolation import ContainerIsolation
from harness.stages._kept import Shelf
from harness.stages._services import join
from harness.stages.processes import opened

SERVERS = {"redis": "redis", "rabbitmq": "rabbitmq"}
"""The role that plays each kind of broker."""


class Containers(Stage):
    """Real workers and a real broker, each in a container: what only isolation can do can be done here.

    The same app, contract, workloads and clock as on the processes stage. Images come from a registry, from
    Debian packages, or from this machine's own programs (`celery-harness images list`); a container is
    never privileged, and its network has no way out. See `docs/containers.md`.
    """

    @classmethod
    def available(cls, broker: str) -> Availability:
        """Whether a container engine answers, and the broker can be started in a container."""
        if find_spec("docker") is None:
            return Availability(False, "docker is not installed", "pip install 'celery-harness[containers]'")
        found = engine.available()
        if not found.ok:
            return found
        client = engine.connect()
        try:
            chosen(client, broker, {})
        except StageError as error:
            return Availability(False, error.fact.rstrip("."), error.remedy)
        finally:
            client.close()
        return found

    @classmethod
    @contextmanager
    def open(cls, settings: StageSettings) -> Iterator[World]:
        """Servers, client and workers up and ready in containers; all of it removed on exit."""
        lent = based if _shelf is None else _shelf.lent
        with lent(settings, partial(_launcher, settings)) as base:
            launcher: Any = base.launcher
            launcher.write_in(settings.workdir.resolve())
            base.services.update(join(launcher, settings.services))
            with opened(settings, base) as world:
                server = launcher.images["broker"]
                world.isolated = launcher.isolation = launcher.isolation or ContainerIsolation(launcher)
                if server.source != "environment":  # what this machine has is another version
                    world.versions["broker"] = f"{server.role} of the image {server.name or server.reference}"
                worker = launcher.images["worker"]
                if worker.name:
                    world.versions["image of the worker"] = f"{worker.name} ({worker.reference[:19]})"
                yield world

    @classmethod
    @contextmanager
    def session(cls) -> Iterator[None]:
        """Within this, a world finds the servers of one before it, emptied, where those are fit."""
        global _shelf  # noqa: PLW0603 - worlds are opened in many places of a session
        if _shelf is not None:
            yield
            return
        _shelf = Shelf()
        try:
            yield
        finally:
            shelf, _shelf = _shelf, None
            shelf.close()


_shelf: Shelf | None = None


def _launcher(
    settings: StageSettings, clock: Mapping[str, Mapping[str, str]], folder: Path, token: str
) -> ContainerLauncher:
    client = engine.connect()
    try:
        engine.check_here(client)
        engine.sweep(client)
        given = {**settings.contract.images, **dict(settings.images)}
        played = chosen(client, settings.broker, given, settings.database)
        return ContainerLauncher(clock, folder, token, played, client=client)
    except BaseException:
        client.close()
        raise


def chosen(
    client: object, broker: str, given: Mapping[str, str], database: str = "sqlite"
) -> dict[str, Image]:
    """The image of each name on the stage; `given` names references of the user's own by role."""
    for role in given:
        if role not in images.ROLES:
            raise UsageError(f"No image plays {role!r}.", remedy=f"Roles are: {', '.join(images.ROLES)}.")

    def play(role: str) -> Image:
        if role in given:
            return images.given(client, role, given[role])
        return image_lock.check(client, images.find(client, role))

    environment = images.environment(client, "worker")
    if broker not in SERVERS:
        raise StageError(f"No image plays the broker {broker}.", remedy="Take redis or rabbitmq.")
    server = play(SERVERS[broker])
    if server.source == "environment":
        _check_here(server.role, discovery.find("brokers", broker).available())  # type: ignore[attr-defined]
    store = play("redis")
    worker = play("worker") if "worker" in given else environment
    played = {"environment": environment, "broker": server, "results": store, "cache": store}
    if database == "postgres":
        played["postgres"] = play("postgres")
        if played["postgres"].source == "environment":
            _check_here("postgres", PostgresDatabase.available())
    return {**played, "worker": worker, "client": worker}


def _check_here(role: str, here: Availability) -> None:
    if not here.ok:
        raise StageError(
            f"There is no image for {role}, and {here.why}.", remedy=f"celery-harness images build {role}"
        )
