"""Celery's own code on virtual time, in one process: no server, and the same run for the same seed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from harness.broker import Availability
from harness.contract import WorkerLayout
from harness.database import SqliteDatabase
from harness.errors import StageError, UsageError
from harness.launcher import ProcessLauncher, Started, python_path
from harness.probe.config import ProbeConfig
from harness.stage import Stage, StageSettings, World
from harness.stages._simulated_handles import (
    SimulatedRabbit,
    SimulatedStore,
    SimulatedWorker,
    simulated_redis,
)
from harness.stages._simulated_template import COMMAND, Template
from harness.stages._simulated_world import FILES, SimulatedWorld
from harness.stages._worker import QUIET_OPTIONS

NEEDED = ("greenlet", "time_machine", "fakeredis", "lupa")
BROKERS = ("redis", "rabbitmq")
POOLS = ("prefork", "processes", "solo")
PORTS = {"broker": 1, "results": 2, "cache": 3}
"""Ports that nobody listens on for real; a connection that is not simulated is refused."""
MAIL = ("127.0.0.1", 4)


class Simulated(Stage):
    """Celery's own code on virtual time, in one process that simulates workers, broker and servers.

    Workers are Celery's own command line with its event loop, consumer, tracer and retries; children, event
    loop descriptors, Redis (fakeredis), RabbitMQ (a model) and SMTP are simulated. Hours take milliseconds;
    the same seed gives the same history, byte for byte. `docs/simulation.md` says what is not faithful.
    """

    proxies = False

    @classmethod
    def available(cls, broker: str) -> Availability:
        """Whether the packages of the extra are there."""
        if broker not in BROKERS:
            return Availability(False, f"broker {broker} cannot be simulated", "Take redis or rabbitmq.")
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            names = ", ".join(name.replace("_", "-") for name in missing)
            return Availability(False, f"{names} not installed", "pip install 'celery-harness[simulated]'")
        return Availability(True)

    @classmethod
    @contextmanager
    def open(cls, settings: StageSettings) -> Iterator[World]:
        """The simulating process with the app and its workers ready; ended on exit."""
        with cls.begun(settings) as world:
            load(world)
            launch(world)
            yield world

    @classmethod
    @contextmanager
    def session(cls) -> Iterator[None]:
        """Within this, simulating processes are copies of one that has imported Celery already."""
        global _template  # noqa: PLW0603 - worlds are opened in many places of a session
        if _template is not None:
            yield
            return
        _template = Template()
        try:
            yield
        finally:
            template, _template = _template, None
            template.close()

    @classmethod
    @contextmanager
    def begun(cls, settings: StageSettings) -> Iterator[SimulatedWorld]:
        """The simulating process before the app is imported; ended on exit."""
        found = cls.available(settings.broker)
        if not found.ok:
            raise StageError(f"The simulated stage cannot run: {found.why}.", remedy=found.remedy)
        _check(settings)
        folder, token = ProcessLauncher.new_folder()
        launcher = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
        try:
            yield _started(settings, launcher)
        finally:
            launcher.close()


_template: Template | None = None


def _check(settings: StageSettings) -> None:
    if settings.database != "sqlite":
        raise UsageError(
            f"The simulated stage has no {settings.database}.",
            remedy="Run with --database sqlite, or --stage processes.",
        )
    if settings.proxies:
        raise UsageError(
            f"The simulated stage has no proxy before {settings.proxies[0]}.",
            remedy="Run with --stage processes.",
        )
    for layout in settings.contract.workers:
        if layout.pool not in POOLS:
            raise UsageError(
                f"The pool {layout.pool!r} of worker {layout.name} cannot be simulated.",
                remedy="Run with --stage processes: threads and other event loops take real time.",
            )


def _started(settings: StageSettings, launcher: ProcessLauncher) -> SimulatedWorld:
    database = SqliteDatabase(launcher.folder / "database")
    urls = {name: f"redis://127.0.0.1:{port}/0" for name, port in PORTS.items()}
    if settings.broker == "rabbitmq":
        urls["broker"] = f"amqp://guest:guest@127.0.0.1:{PORTS['broker']}//"
    config = ProbeConfig(
        folder=str(launcher.folder), broker_url=urls["broker"], result_url=urls["results"],
        cache_url=urls["cache"], mail=MAIL, allowed=tuple(("127.0.0.1", port) for port in PORTS.values()),
        databases={"*": database.django_settings("{alias}")},
    )  # fmt: skip
    world = SimulatedWorld(settings, launcher, _process(settings, launcher, urls["broker"]))
    world.database = database
    stores = {name: SimulatedStore(world.ask, name, port) for name, port in PORTS.items()}
    world.results, world.cache = stores["results"], stores["cache"]
    rabbit: Any = SimulatedRabbit(world.ask, PORTS["broker"])
    world.broker = simulated_redis(stores["broker"]) if settings.broker == "redis" else rabbit
    world.workers.update(_workers(world, settings.contract.workers))
    commands = [{"name": name, "arguments": _command(settings, one)} for name, one in world.workers.items()]
    world.begin({
        "seed": settings.seed, "app": settings.app, "setup": settings.contract.setup or "",
        "broker": settings.broker, "stores": PORTS, "workers": commands, "config": asdict(config),
    })  # fmt: skip
    return world


def _process(settings: StageSettings, launcher: ProcessLauncher, broker_url: str) -> Started:
    environment = _environment(settings, broker_url)
    copy = _template.copy(launcher, environment, settings.workdir) if _template is not None else None
    if copy is not None:
        return copy
    return launcher.popen(
        "simulation", COMMAND, environment=environment, workdir=settings.workdir, pipes=True
    )


def load(world: SimulatedWorld) -> None:
    """Import the app as the client does, and prepare its database."""
    loaded = world.tell("load")
    world.check_interlock()
    world.tasks = tuple(loaded["tasks"])
    world.versions = {**loaded["versions"], "broker": f"simulated {world.settings.broker}"}
    world.tell("prepare")
    world.snapshot = world.tell("snapshot")["snapshot"]


def launch(world: SimulatedWorld) -> None:
    """Start the workers, and wait until they consume."""
    for worker in world.workers.values():
        worker.launch()
    for worker in world.workers.values():
        worker.ready()
    if any(tier.events for tier in world.settings.contract.tiers):
        world.tell("monitor")
    world.check_interlock()


def _environment(settings: StageSettings, broker_url: str) -> dict[str, str]:
    given = {**settings.contract.environment, **settings.environment}
    own = {name: value.replace("{files}", FILES) for name, value in given.items()}
    return {
        "PYTHONPATH": python_path(),
        "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0"),
        "CELERY_BROKER_URL": broker_url,
        "CELERY_HARNESS_CLOCK": "virtual",
        **own,
    }


def _command(settings: StageSettings, worker: SimulatedWorker) -> list[str]:
    """The command line of the processes stage, from ``-A`` on."""
    layout = worker.layout
    command = ["-A", settings.app, "worker", "-l", "INFO", "-n", f"{worker.name}@harness"]
    command += ["-c", str(layout.concurrency), "-P", layout.pool]
    if layout.queues:
        command += ["-Q", ",".join(layout.queues)]
    return [*command, *QUIET_OPTIONS, *layout.options]


def _workers(world: SimulatedWorld, layouts: tuple[WorkerLayout, ...]) -> dict[str, SimulatedWorker]:
    workers = {}
    for layout in layouts or (WorkerLayout("all", concurrency=2),):
        for copy in range(layout.replicas):
            name = layout.name if copy == 0 else f"{layout.name}-{copy + 1}"
            workers[name] = SimulatedWorker(world, layout, name)
    return workers
