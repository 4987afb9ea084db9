"""The processes stage: stock workers that do what they are told, and nothing of them left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.contract_file import loads
from harness.errors import AppError, StageError
from harness.stage import StageSettings, World
from harness.stages._world import ProcessWorld
from harness.stages.processes import Processes

APP = """
from celery import Celery

app = Celery("shop")
app.conf.task_acks_late = True


@app.task(name="shop.pay")
def pay(order):
    return order
"""
CONTRACT = """
[tiers.all]
tasks = ["shop.*"]
queue = "celery"

[workers.one]
queues = ["celery"]
concurrency = 2
"""


def settings(folder: Path, app: str = APP) -> StageSettings:
    """A stage for a plain app written into a folder."""
    (folder / "shop.py").write_text(app, encoding="utf-8")
    return StageSettings("shop:app", loads(CONTRACT), folder)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One stage for this file."""
    with Processes.open(settings(tmp_path_factory.mktemp("shop"))) as opened:
        yield opened


def ended(world: World, task_id: str) -> bool:
    """Whether a task has succeeded."""
    return any(e.kind == "task-succeeded" and e.task_id == task_id for e in world.events())


def test_a_task_that_is_sent_runs_on_a_stock_worker(world: World) -> None:
    task_id = world.send("shop.pay", [1], {}, experiment="t/all")
    assert world.advance(lambda: ended(world, task_id), within_s=300)
    kinds = [event.kind for event in world.events() if event.task_id == task_id]
    for kind in ("task-sent", "message-delivered", "task-received", "task-started", "body-entered"):
        assert kind in kinds
    assert kinds.index("task-started") < kinds.index("task-succeeded")


def test_the_real_clock_is_noted_beside_the_stage_s(world: World) -> None:
    assert isinstance(world, ProcessWorld)
    before = len(world.real_times)
    world.record("experiment-began", experiment="t/all", tier="all")
    world.record("experiment-ended", experiment="t/all", tier="all")
    (stage_s, real_s), (later_stage_s, later_real_s) = world.real_times[before:]
    assert later_stage_s >= stage_s > 0
    assert later_real_s >= real_s > 0


def test_an_hour_of_its_time_passes_in_seconds(world: World) -> None:
    if world.warp != "idle":
        pytest.skip("this machine has no warp: pip install ziglang, or a C compiler")
    before_s = world.clock.now_s()
    assert not world.advance(lambda: False, within_s=3600)
    assert world.clock.now_s() - before_s >= 3600


def test_a_killed_worker_comes_back_under_its_name_and_works(world: World) -> None:
    worker = world.workers["one"]
    before = worker.pid
    worker.kill()
    assert worker.ended()
    worker.launch()
    worker.ready()
    assert worker.pid not in (0, before)
    task_id = world.send("shop.pay", [2], {}, experiment="t/all")
    assert world.advance(lambda: ended(world, task_id), within_s=300)


def test_children_are_those_that_live(world: World) -> None:
    worker = world.workers["one"]
    killed = worker.kill_child(0)
    assert world.advance(lambda: killed not in worker.children() and len(worker.children()) == 2, within_s=60)


def test_an_app_that_raises_at_import_is_one_clear_line(tmp_path: Path) -> None:
    with (
        pytest.raises(AppError, match="ZeroDivisionError") as caught,
        Processes.open(settings(tmp_path, "1 / 0")),
    ):
        pass
    assert "\n" not in str(caught.value)


class OnPurpose(Exception):
    """Raised by a scenario."""


def raise_in_the_middle(folder: Path, seen: list[int], places: list[Path]) -> None:
    """Open a stage, note what it started, and raise."""
    with Processes.open(settings(folder)) as opened:
        places.append(opened.folder)
        seen += [opened.workers["one"].pid, *opened.workers["one"].children()]
        seen += [opened.broker.pid, opened.results.pid]
        raise OnPurpose


def test_nothing_is_left_when_the_scenario_raises(tmp_path: Path) -> None:
    seen: list[int] = []
    places: list[Path] = []
    with pytest.raises(OnPurpose):
        raise_in_the_middle(tmp_path, seen, places)
    assert not places[0].exists()
    assert len(seen) == 5
    assert not [pid for pid in seen if runs(pid)]


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie: whose parent is gone waits for init to bury it."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def test_a_broker_that_is_not_there_is_said_with_what_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    given = settings(tmp_path)
    asked = StageSettings(given.app, given.contract, given.workdir, server="redis-server")
    with pytest.raises(StageError, match="redis-server"), Processes.open(asked):
        pass


def test_a_worker_that_ends_by_itself_is_on_record_and_started_again(world: World) -> None:
    worker = world.workers["one"]
    dead = worker.pid
    os.kill(dead, signal.SIGKILL)
    assert world.advance(world.revive, within_s=60)
    (lost,) = [event for event in world.events() if event.kind == "worker-lost" and event.get("pid") == dead]
    assert (lost.get("worker"), lost.get("exit_status")) == ("one", -signal.SIGKILL)
    worker.ready()
    assert not world.revive()


def test_a_worker_that_was_told_to_stop_is_not(world: World) -> None:
    worker = world.workers["one"]
    worker.stop(cold=False)
    assert world.advance(worker.ended, within_s=60)
    assert not world.revive()
    worker.launch()
    worker.ready()


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_a_worker_without_children_is_a_worker_too(tmp_path: Path, pool: str) -> None:
    given = settings(tmp_path)
    contract = loads(f'{CONTRACT}pool = "{pool}"\n')
    with Processes.open(StageSettings(given.app, contract, given.workdir)) as opened:
        task_id = opened.send("shop.pay", [1], {}, experiment="t/all")
        assert opened.advance(lambda: ended(opened, task_id), within_s=30)
        (started,) = [e for e in opened.events() if e.kind == "task-started" and e.task_id == task_id]
        assert started.get("worker") == "one"
