"""Stock `celery worker` processes, a real broker on a private port, no containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from harness import call_faults, discovery, redis_server
from harness.broker import Availability, Broker
from harness.errors import StageError, UsageError
from harness.launcher import ProcessLauncher
from harness.postgres_server import PostgresDatabase
from harness.probe.config import VARIABLE, ProbeConfig
from harness.proxy_server import Behind, ProxyServer
from harness.stage import SERVERS, Stage, StageSettings, World
from harness.stages._base import Base, based
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
        if settings.services:
            raise UsageError("Services are containers.", remedy="Run with --stage containers.")
        with based(settings, ProcessLauncher) as base, opened(settings, base) as world:
            yield world


@contextmanager
def opened(settings: StageSettings, base: Base) -> Iterator[ProcessWorld]:
    """Client and workers up and ready on servers that one begins with; they end with the base."""
    timing = _timing(base.shared, base.launcher, settings)
    world = ProcessWorld(settings, base.launcher, StageClock(base.shared, timing))
    if isinstance(timing, Warp):
        timing.precise_s = world.known_moments
    with closing(timing), closing(world.log), closing(world.calls):
        try:
            _start(world, base)
            yield world
        finally:
            if world.proxy is not None:
                world.proxy.stop()


def _timing(
    shared: SharedClock | None, launcher: ProcessLauncher, settings: StageSettings
) -> Warp | RealTime | FixedRate:
    if shared is None:
        return RealTime()
    if settings.warp == "auto":
        return Warp(shared, launcher.roots)
    return FixedRate(shared, float(settings.warp))


def _start(world: ProcessWorld, base: Base) -> None:
    launcher, settings = world.launcher, world.settings
    if library.find() is None:
        world.record("interlock-note", text=f"{UNGUARDED}. {library.why_missing()}")
    world.broker, world.results, world.cache = base.broker, base.results, base.cache
    world.mail, world.database = base.mail, base.database
    world.proxy = _proxy(world) if settings.proxies else None
    base.start()
    if world.proxy is not None:
        world.proxy.launch()
    _configure(world, base)
    world.workers.update(workers_of(world, settings.contract.workers))
    launcher.together(partial(_start_client, world), partial(_start_workers, world, base))
    loaded = world.client.answer("load")
    world.check_interlock()
    world.tasks = tuple(loaded["tasks"])
    kind: type[Broker] = discovery.find("brokers", settings.broker)
    world.versions = {**loaded["versions"], "broker": kind.available().version}
    world.client.ask("prepare")
    world.snapshot = world.client.ask("snapshot")["snapshot"]
    for worker in world.workers.values():
        worker.ready()
    if any(tier.events for tier in settings.contract.tiers):
        world.client.ask("monitor")
    world.check_interlock()


def _start_client(world: ProcessWorld) -> None:
    world.client = ProcessClient(world)
    world.client.post("load")


def _start_workers(world: ProcessWorld, base: Base) -> None:
    """As soon as there is what they connect to."""
    base.ready()
    if world.proxy is not None:
        world.proxy.ready()
    world.launcher.together(*(worker.launch for worker in world.workers.values()))


def _proxy(world: ProcessWorld) -> ProxyServer:
    """Before the servers that were asked for; all connections of the app go through it then."""
    behind = {
        "broker": Behind(world.broker.addresses()[0], world.broker.protocol),
        "results": Behind(world.results.address, "resp"),
        "cache": Behind(world.cache.address, "resp"),
    }
    if isinstance(world.database, PostgresDatabase):
        behind["database"] = Behind(world.database.address, "postgres")
    for name in world.settings.proxies:
        if name not in behind:
            remedy = f"One of {', '.join(SERVERS)}; the database only where it is PostgreSQL."
            raise UsageError(f"No proxy can stand before {name!r}.", remedy=remedy)
        if not behind[name].protocol:
            remedy = "Take redis or rabbitmq."
            raise UsageError(f"The proxy does not know what {world.settings.broker} speaks.", remedy=remedy)
    chosen = {name: behind[name] for name in world.settings.proxies}
    return ProxyServer(world.launcher, chosen, world.folder / "events.jsonl", world.settings.seed)


def _behind_proxy(world: ProcessWorld) -> tuple[dict[str, str], dict[str, tuple[str, int]], dict[str, Any]]:
    """URLs, addresses and the database's settings as the app gets them: a proxy's where one stands."""
    urls = {"broker": world.broker.url(), "results": world.results.url(), "cache": world.cache.url()}
    addresses = {
        "broker": world.broker.addresses()[0],
        "results": world.results.address,
        "cache": world.cache.address,
    }
    database = world.database.django_settings("{alias}")
    if isinstance(world.database, PostgresDatabase):
        addresses["database"] = world.database.address
    if world.proxy is not None:
        urls = {name: world.proxy.before(name, url) for name, url in urls.items()}
        addresses |= {name: world.proxy.address(name) for name in world.proxy.links}
        if "database" in world.proxy.links:
            host, port = addresses["database"]
            database = {**database, "HOST": host, "PORT": type(database["PORT"])(port)}
    return urls, addresses, database


def _configure(world: ProcessWorld, base: Base) -> None:
    """Write what the probe reads, and name the file in the environment of everything that starts."""
    urls, reached, database = _behind_proxy(world)
    addresses = [*reached.values(), world.mail.address, *base.services.values()]
    places = {"files": str(world.folder / "files")}
    places |= {name: f"{host}:{port}" for name, (host, port) in base.services.items()}
    if isinstance(world.database, PostgresDatabase):
        where = "{USER}@{HOST}:{PORT}/{NAME}".format(**database)
        places["database"] = f"postgresql://{where}"
    config = ProbeConfig(
        folder=str(world.folder),
        broker_url=urls["broker"],
        result_url=urls["results"],
        cache_url=urls["cache"],
        mail=world.mail.address,
        allowed=tuple(addresses),
        databases={"*": database},
    )
    path = world.folder / "probe.json"
    config.write(path)
    # ``localhost`` may be ``::1`` first; nobody listens there, and the client goes on to 127.0.0.1.
    allowed = ",".join(f"{host}:{port},[::1]:{port}" for host, port in addresses)
    world.launcher.environment |= {
        VARIABLE: str(path),
        call_faults.VARIABLE: str(world.calls.path),
        "CELERY_BROKER_URL": urls["broker"],
        "CELERY_HARNESS_ALLOW": allowed,
        "CELERY_HARNESS_REFUSED": str(world.folder / REFUSED),
        **{
            name: _filled(value, places)
            for name, value in {**world.contract.environment, **world.settings.environment}.items()
        },
    }


def _filled(value: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        value = value.replace(f"{{{name}}}", place)
    return value
