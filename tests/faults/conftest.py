"""One real stage for the tests of all faults: a small app, one worker, everything that a fault may strike."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from harness.contract import Contract, Tier, WorkerLayout
from harness.history import Event
from harness.stage import StageSettings, World
from harness.stages._world import ProcessWorld
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

    def send(self, task: str = "shop.sell", **more: Any) -> str:
        """Publish one task; its id."""
        return self.world.send(task, [1], {}, **more)

    def outcome(self, task_id: str) -> Event:
        """How a task ended."""
        ends = ("task-succeeded", "task-failed")
        came = self.world.advance(lambda: bool(self.events(*ends, task_id=task_id)), within_s=WITHIN_S)
        assert came, (
            f"{task_id} did not end within {WITHIN_S:g} s: {self.events('task-sent', task_id=task_id)}"
        )
        return self.events(*ends, task_id=task_id)[-1]

    def works(self) -> bool:
        """Whether a task goes through worker, broker and result backend."""
        return self.outcome(self.send()).kind == "task-succeeded"


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stage with one worker, opened once."""
    workdir = tmp_path_factory.mktemp("shop")
    (workdir / "shop.py").write_text(APP, encoding="ascii")
    contract = Contract(
        tiers=(Tier("shop", ("shop.*",)),),
        workers=(WorkerLayout("main", queues=("celery",), concurrency=2),),
    )
    availability = Processes.available("redis")
    if not availability.ok:
        if os.environ.get("CI"):
            pytest.fail(f"{availability.why}: {availability.remedy}")
        pytest.skip(f"{availability.why}: {availability.remedy}")
    with Processes.open(StageSettings("shop:app", contract, workdir)) as world:
        with (
            closing(sqlite3.connect(world.folder / "database" / "default.sqlite3")) as connection,
            connection,
        ):
            connection.execute("CREATE TABLE sales (n INTEGER)")
        yield world


@pytest.fixture
def shop(stage: World) -> Shop:
    """The stage, for one test."""
    return Shop(stage)


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
