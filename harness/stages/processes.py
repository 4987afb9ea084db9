"""Stock `celery worker` processes, a real broker on a private port, no containers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from harness import discovery, redis_server
from harness.broker import Availability, Broker
from harness.database import SqliteDatabase
from harness.errors import StageError
from harness.launcher import ProcessLauncher
from harness.mail_sink import MailSink
from harness.postgres_server import PostgresDatabase
from harness.probe.config import VARIABLE, ProbeConfig
from harness.redis_server import RedisServer
from harness.stage import Stage, StageSettings, World
from harness.stages._client import ProcessClient
from harness.stages._worker import workers_of
from harness.stages._world import REFUSED, ProcessWorld, StageClock
from harness.warp import library
from harness.warp.clock import SharedClock
from harness.warp.controller import Warp
from harness.warp.pace import FixedRate, RealTime

UNGUARDED = "what C libraries connect to by themselves is not refused here, since there is no clock library"


class Processes(Stage):
    """Real workers and a real broker as processes of this machine.

    The workers are stock `celery worker` (the pool and layout that the contract gives), the broker is
    Valkey from a wheel unless another is asked for; result backend, cache, mail server and database
    are the stage's own. With warp, all of them live on one virtual clock, and hours pass in seconds.
    """

    @classmethod
    def available(cls, broker: str) -> Availability:
        """Whether this machine has the broker and a Valkey or Redis for results and cache."""
        store = redis_server.available()
        if not store.ok:
            return store
        kind: type[Broker] = discovery.find("brokers", broker)
        return kind.available()

    @classmethod
    @contextmanager
    def open(cls, settings: StageSettings) -> Iterator[World]:
        """Servers, client and workers up and ready; all of it ended on exit."""
        availability = cls.available(settings.broker)
        if not availability.ok:
            raise StageError(
                f"The processes stage cannot run: {availability.why}.", remedy=availability.remedy
            )
        if settings.database == "postgres" and not PostgresDatabase.available().ok:
            missing = PostgresDatabase.available()
            raise StageError(f"PostgreSQL was asked for, and {missing.why}.", remedy=missing.remedy)
        folder, token = ProcessLauncher.new_folder()
        shared, environments = _shared_clock(settings, folder)
        launcher = ProcessLauncher(environments, folder, token)
        try:
            timing = _timing(shared, launcher, settings)
            world = ProcessWorld(settings, launcher, StageClock(shared, timing))
            if isinstance(timing, Warp):
                timing.precise_s = world.known_moments
            with closing(timing), closing(world.log):
                try:
                    _start(world)
                    yield world
                finally:
                    _stop(world)
        finally:
            launcher.close()


def _timing(
    shared: SharedClock | None, launcher: ProcessLauncher, settings: StageSettings
) -> Warp | RealTime | FixedRate:
    if shared is None:
        return RealTime()
    if settings.warp == "auto":
        return Warp(shared, launcher.roots)
    return FixedRate(shared, float(settings.warp))


def _shared_clock(
    settings: StageSettings, folder: Path
) -> tuple[SharedClock | None, dict[str, dict[str, str]]]:
    if settings.warp == "off" or library.find() is None:
        return None, {"active": library.guard(), "passive": {}}
    shared = SharedClock.create(folder / "clock")
    return shared, {"active": shared.environment(passive=False), "passive": shared.environment(passive=True)}


def _start(world: ProcessWorld) -> None:
    launcher, settings = world.launcher, world.settings
    if library.find() is None:
        world.record("interlock-note", text=f"{UNGUARDED}. {library.why_missing()}")
    kind: Any = discovery.find("brokers", settings.broker)
    world.broker = kind(launcher, settings.server) if settings.broker == "redis" else kind(launcher)
    world.results = RedisServer(launcher, "results")
    world.cache = RedisServer(launcher, "cache")
    world.mail = MailSink(launcher)
    servers: list[Any] = [world.broker, world.results, world.cache, world.mail]
    if settings.database == "postgres":
        world.database = PostgresDatabase(launcher)
        servers.append(world.database)
    else:
        world.database = SqliteDatabase(launcher.folder / "database")
    for server in servers:
        getattr(server, "launch", server.start)()
    _configure(world)
    world.client = ProcessClient(world)
    world.client.post("load")
    for server in servers:
        getattr(server, "ready", lambda: None)()
    world.workers.update(workers_of(world, settings.contract.workers))
    for worker in world.workers.values():
        worker.launch()
    loaded = world.client.answer("load")
    world.check_interlock()
    world.tasks = tuple(loaded["tasks"])
    world.versions = {**loaded["versions"], "broker": kind.available().version}
    world.client.ask("prepare")
    world.snapshot = world.client.ask("snapshot")["snapshot"]
    for worker in world.workers.values():
        worker.ready()
    if any(tier.events for tier in settings.contract.tiers):
        world.client.ask("monitor")
    world.check_interlock()


def _stop(world: ProcessWorld) -> None:
    """End the servers and close our own connections to them; the launcher ends whatever else there is."""
    for name in ("broker", "results", "cache", "database"):
        server = getattr(world, name, None)  # a start that failed in the middle has not all of them
        if server is not None and hasattr(server, "stop"):
            server.stop()


def _configure(world: ProcessWorld) -> None:
    """Write what the probe reads, and name the file in the environment of everything that starts."""
    addresses = [*world.broker.addresses(), world.results.address, world.cache.address, world.mail.address]
    if isinstance(world.database, PostgresDatabase):
        addresses.append(world.database.address)
    config = ProbeConfig(
        folder=str(world.folder),
        broker_url=world.broker.url(),
        result_url=world.results.url(),
        cache_url=world.cache.url(),
        mail=world.mail.address,
        allowed=tuple(addresses),
        databases={"*": world.database.django_settings("{alias}")},
    )
    path = world.folder / "probe.json"
    config.write(path)
    # ``localhost`` may be ``::1`` first; nobody listens there, and the client goes on to 127.0.0.1.
    allowed = ",".join(f"{host}:{port},[::1]:{port}" for host, port in addresses)
    world.launcher.environment |= {
        VARIABLE: str(path),
        "CELERY_BROKER_URL": world.broker.url(),
        "CELERY_HARNESS_ALLOW": allowed,
        "CELERY_HARNESS_REFUSED": str(world.folder / REFUSED),
        **{
            name: value.replace("{files}", str(world.folder / "files"))
            for name, value in {**world.contract.environment, **world.settings.environment}.items()
        },
    }
