"""One real stage for the tests of all faults: a small app, one worker, everything that a fault may strike."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from harness.contract import Contract, Tier, WorkerLayout
from harness.history import Event
from harness.postgres_server import PostgresDatabase
from harness.stage import StageSettings, World
from harness.stages._world import ProcessWorld
from harness.stages.containers import Containers
from harness.stages.processes import Processes

APP = """
import time
from celery import Celery

app = Celery("shop", broker="redis://example.invalid/0", backend="redis://example.invalid/1")
app.conf.update(broker_connection_retry_on_startup=True, task_acks_late=True, task_track_started=True)

@app.task(name="shop.sell")
def sell(n=0):
    return n

@app.task(name="shop.tell")
def tell(n=0):
    return time.time()
"""
MORE = """
import json
import os
import redis

@app.task(name="shop.lock")
def lock(n=0):
    with redis.Redis(host="cache.example.invalid") as cache:
        return bool(cache.set(f"sale-{n}", 1, nx=True))

@app.task(name="shop.claim")
def claim(n=0):
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    with redis.Redis(host="cache.example.invalid", retry=Retry(NoBackoff(), 0)) as cache:
        return bool(cache.set(f"sale-{n}", 1, nx=True))

@app.task(name="shop.tally")
def tally(n=0):
    with redis.Redis(host="cache.example.invalid") as cache:
        return cache.incr(f"tally-{n}")

@app.task(name="shop.book")
def book(n=0):
    import psycopg

    with open(os.environ["CELERY_HARNESS_PROBE"]) as file:
        own = json.load(file)["databases"]["*"]
    where = dict(host=own["HOST"], port=own["PORT"], user=own["USER"], dbname=own["NAME"], connect_timeout=5)
    with psycopg.connect(**where) as connection:
        connection.execute("INSERT INTO sales (n) VALUES (%s)", (n,))

@app.task(name="shop.count")
def count(n=0):
    import psycopg

    with open(os.environ["CELERY_HARNESS_PROBE"]) as file:
        own = json.load(file)["databases"]["*"]
    where = dict(host=own["HOST"], port=own["PORT"], user=own["USER"], dbname=own["NAME"], connect_timeout=5)
    with psycopg.connect(**where) as connection:
        return connection.execute("SELECT count(*) FROM sales").fetchone()[0]
"""
FILING = """
import os
import socket
from pathlib import Path

@app.task(name="shop.write")
def write(n):
    return Path(os.environ["FILES"], f"receipt-{n}").write_text("paid" * n)

@app.task(name="shop.save")
def save(n):
    path = Path(os.environ["FILES"], f"saved-{n}")
    with open(path, "wb", buffering=0) as file:
        written = file.write(b"paid" * n)
        os.fsync(file.fileno())
    return written

@app.task(name="shop.read")
def read(n):
    return Path(os.environ["FILES"], f"receipt-{n}").read_text()[:n]

@app.task(name="shop.large")
def large(megabytes):
    with open(Path(os.environ["FILES"], "large"), "wb") as file:
        try:
            file.truncate(megabytes * 2**20)
        finally:
            file.truncate(0)

@app.task(name="shop.reach")
def reach(port):
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
"""
BOXED = (
    FILING
    + """
@app.task(name="shop.eat")
def eat(megabytes):
    return len(bytearray(megabytes * 2**20))
"""
)
WITHIN_S = 300.0
"""Seconds of the stage's clock; a redelivery after a killed connection takes up to 100."""


class Shop:
    """The stage, and what a test asks of it."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def inner(self) -> ProcessWorld:
        """The processes stage itself."""
        return cast("ProcessWorld", self.world)

    def events(self, *kinds: str, task_id: str | None = None) -> list[Event]:
        """Events of these kinds, of one task where given."""
        self.world.events()
        found = [event for event in self.world.arrived() if event.kind in kinds]
        return [event for event in found if task_id is None or event.task_id == task_id]

    def send(self, task: str = "shop.sell", argument: int = 1, **more: Any) -> str:
        """Publish one task; its id."""
        return self.world.send(task, [argument], {}, **more)

    def published(self, task_id: str) -> Event:
        """The publish that has come through."""
        kind = "message-published"
        assert self.world.advance(lambda: bool(self.events(kind, task_id=task_id)), within_s=WITHIN_S)
        return self.events(kind, task_id=task_id)[0]

    def outcome(self, task_id: str) -> Event:
        """How a task ended."""
        ends = ("task-succeeded", "task-failed")
        came = self.world.advance(lambda: bool(self.events(*ends, task_id=task_id)), within_s=WITHIN_S)
        assert came, (
            f"{task_id} did not end within {WITHIN_S:g} s: {self.events('task-sent', task_id=task_id)}"
        )
        return self.events(*ends, task_id=task_id)[-1]

    def runs(self, task_id: str) -> int:
        """How often a task was started, when nothing of it is left with the broker."""
        self.outcome(task_id)

        def rests() -> bool:
            state = self.world.broker.read(["celery"])
            running = len(self.events("task-started", task_id=task_id)) - len(
                self.events("task-succeeded", "task-failed", task_id=task_id)
            )
            return task_id not in (*state.unacked, *state.queues["celery"].tasks) and running <= 0

        assert self.world.advance(rests, within_s=WITHIN_S)
        return len(self.events("task-started", task_id=task_id))

    def struck(self, fault: str, since: int) -> list[tuple[str, str]]:
        """Command and step of each strike of a fault, after so many strikes of any."""
        found = self.events("fault-struck")[since:]
        return [(str(e.get("command")), str(e.get("step"))) for e in found if e.get("fault") == fault]

    def booked(self) -> int:
        """How many sales are on the books."""
        return len(self.world.database.rows("sales"))

    @property
    def strikes(self) -> int:
        """How many strikes there were."""
        return len(self.events("fault-struck"))

    def error(self, task: str, argument: int) -> str:
        """With what a task failed; empty where it succeeded."""
        end = self.outcome(self.send(task, argument))
        return str(end.data) if end.kind == "task-failed" else ""

    def files(self) -> Path:
        """The folder for the app's files."""
        return self.world.folder / "files"

    def works(self) -> bool:
        """Whether a task goes through worker, broker and result backend."""
        return self.outcome(self.send()).kind == "task-succeeded"


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stage with one worker, opened once."""
    asked = settings(tmp_path_factory.mktemp("shop"), APP + FILING)
    with Processes.open(replace(asked, environment={"FILES": "{files}"})) as world:
        with (
            closing(sqlite3.connect(world.folder / "database" / "default.sqlite3")) as connection,
            connection,
        ):
            connection.execute("CREATE TABLE sales (n INTEGER)")
        yield world


def under_shell(asked: StageSettings) -> StageSettings:
    """The same with its worker started by a shell that passes no signal on."""
    workers = tuple(replace(each, shell=True) for each in asked.contract.workers)  # noqa: S604 - of the layout
    return replace(asked, contract=replace(asked.contract, workers=workers))


@pytest.fixture(scope="session")
def proxied_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same with a proxy before all its servers, PostgreSQL among them where there is one."""
    postgres = PostgresDatabase.available().ok
    servers = ("broker", "results", "cache", *(["database"] if postgres else []))
    asked = replace(settings(tmp_path_factory.mktemp("proxied"), APP + MORE), proxies=servers)
    with Processes.open(replace(asked, database="postgres" if postgres else "sqlite")) as world:
        if postgres:
            with cast("Any", world.database)._session() as session:
                session.execute("CREATE TABLE sales (n INTEGER)")
        yield world


def settings(workdir: Path, app: str) -> StageSettings:
    """One worker for a shop, where the stage can be had."""
    (workdir / "shop.py").write_text(app, encoding="ascii")
    contract = Contract(
        tiers=(Tier("shop", ("shop.*",)),),
        workers=(WorkerLayout("main", queues=("celery",), concurrency=2),),
    )
    availability = Processes.available("redis")
    if not availability.ok:
        if os.environ.get("CI"):
            pytest.fail(f"{availability.why}: {availability.remedy}")
        pytest.skip(f"{availability.why}: {availability.remedy}")
    return StageSettings("shop:app", contract, workdir)


@pytest.fixture(scope="session")
def boxed_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stage of containers, where there is an engine; ``CELERY_HARNESS_CONTAINERS`` makes it a must."""
    found = Containers.available("redis")
    if not found.ok:
        text = f"{found.why}: {found.remedy}"
        pytest.fail(text) if os.environ.get("CELERY_HARNESS_CONTAINERS") else pytest.skip(text)
    asked = settings(tmp_path_factory.mktemp("boxed"), APP + BOXED)
    with Containers.open(replace(asked, environment={"FILES": "{files}"})) as world:
        yield world


@pytest.fixture
def boxed_booking(boxed_stage: World, tmp_path: Path) -> Iterator[Shop]:
    """Containers with PostgreSQL among them, behind a proxy."""
    pytest.importorskip("psycopg")
    asked = replace(settings(tmp_path, APP + MORE), proxies=("database",), database="postgres")
    with Containers.open(asked) as world:
        with cast("Any", world.database)._session() as session:
            session.execute("CREATE TABLE sales (n INTEGER)")
        yield Shop(world)


@pytest.fixture
def boxed(boxed_stage: World) -> Shop:
    """The stage of containers, for one test."""
    return Shop(boxed_stage)


@pytest.fixture(params=["shop", "boxed"])
def filing(request: pytest.FixtureRequest) -> Shop:
    """A stage with tasks that write files, of processes and of containers, for one test."""
    found: Shop = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def shop(stage: World) -> Shop:
    """The stage, for one test."""
    return Shop(stage)


@pytest.fixture
def proxied(proxied_stage: World) -> Shop:
    """The stage with proxies, for one test."""
    return Shop(proxied_stage)


@pytest.fixture
def booking(proxied: Shop) -> Shop:
    """The same where it has PostgreSQL."""
    if "database" not in proxied.world.settings.proxies:
        found = PostgresDatabase.available()
        pytest.skip(f"{found.why}: {found.remedy}")
    return proxied


@pytest.fixture
def worker_pid(shop: Shop) -> int:
    """The worker's main process before the fault."""
    return shop.world.workers["main"].pid


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], bool]:
    """Poll a fact that the machine, not the stage's clock, brings about; at most 60 s."""

    def came(fact: Callable[[], object]) -> bool:
        deadline = time.monotonic() + 60
        while not fact() and time.monotonic() < deadline:
            time.sleep(0.005)  # a process's state can only be polled; bounded above
        return bool(fact())

    return came


def connections(server: redis.Redis) -> set[str]:
    """The connections of a server, without this process's own: earlier tests may have left several."""
    found, own = server.client_list(), set()
    for place in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(place.readlink()).startswith("socket:"):
                with socket.fromfd(int(place.name), socket.AF_INET, socket.SOCK_STREAM) as each:
                    own.add(":".join(map(str, each.getsockname()[:2])))
    return {each["id"] for each in found if each["addr"] not in own}


def state_of(pid: int) -> str:
    """The state of a process: ``T`` when stopped, empty when it is gone (``proc(5)``)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def listens(address: tuple[str, int]) -> bool:
    """Whether a port takes connections."""
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def state() -> Callable[[int], str]:
    """`state_of`."""
    return state_of


@pytest.fixture
def open_port() -> Callable[[tuple[str, int]], bool]:
    """`listens`."""
    return listens
