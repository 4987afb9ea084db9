"""A simulating process that is copied is to an app what a new one would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contract_file import loads
from harness.history import event_line
from harness.stage import StageSettings, World
from harness.stages._simulated_template import Copy
from harness.stages._simulated_world import SimulatedWorld
from harness.stages.simulated import Simulated

APP = """
import os, secrets, time
from celery import Celery

app = Celery("shop", broker="redis://example.invalid/0", backend="redis://example.invalid/1")


@app.task(name="shop.tell", bind=True, max_retries=2)
def tell(self):
    if self.request.retries < 2:
        words = (os.environ.get("TOLD"), os.getcwd(), os.getpid(), secrets.token_hex(4), time.time())
        raise self.retry(exc=OSError(5, repr(words)), countdown=30)
"""
CONTRACT = """
[tiers.all]
tasks = ["shop.*"]
queue = "celery"
"""


def lived(folder: Path, broker: str, **environment: str) -> tuple[list[str], object]:
    """The events of one world of the app, and the process that simulated it."""
    (folder / "shop.py").write_text(APP, encoding="utf-8")
    settings = StageSettings(
        "shop:app", loads(CONTRACT), folder, broker=broker, seed=7, environment=environment
    )
    with Simulated.open(settings) as world:
        task_id = world.send("shop.tell", [], {})
        ended(world, task_id)
        assert isinstance(world, SimulatedWorld)
        return [event_line(event) for event in world.events()], world.process


def ended(world: World, task_id: str) -> None:
    """Wait until the task has succeeded."""

    def succeeded() -> bool:
        return any(e.kind == "task-succeeded" and e.task_id == task_id for e in world.arrived())

    assert world.advance(succeeded, within_s=600.0)


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_the_history_is_that_of_a_new_process_byte_for_byte(tmp_path: Path, broker: str) -> None:
    alone, process = lived(tmp_path, broker, TOLD="yes")
    assert not isinstance(process, Copy)
    with Simulated.session():
        first, copy = lived(tmp_path, broker, TOLD="yes")
        second, _ = lived(tmp_path, broker, TOLD="yes")
    assert isinstance(copy, Copy)
    assert alone == first == second
    assert any("'yes'" in line for line in alone)


def test_worlds_of_one_session_know_nothing_of_each_other(tmp_path: Path) -> None:
    with Simulated.session():
        first, _ = lived(tmp_path, "redis", TOLD="one")
        other, _ = lived(tmp_path, "redis", TOLD="two")
    assert any("'one'" in line for line in first)
    assert [line.replace("'one'", "'two'") for line in first] == other


def test_a_variable_that_python_reads_when_it_starts_makes_a_new_process(tmp_path: Path) -> None:
    with Simulated.session():
        lived(tmp_path, "redis")
        _, process = lived(tmp_path, "redis", PYTHONHASHSEED="5")
    assert not isinstance(process, Copy)


def test_a_module_of_the_app_by_the_name_of_one_that_is_loaded_makes_a_new_process(tmp_path: Path) -> None:
    (tmp_path / "shelve.py").touch()
    (tmp_path / "kombu").mkdir()  # without a module in it: it shadows nothing, but nobody looks that closely
    with Simulated.session():
        _, process = lived(tmp_path, "redis")
    assert not isinstance(process, Copy)


def test_a_copy_has_ended_when_its_world_is_closed(tmp_path: Path) -> None:
    with Simulated.session():
        _, process = lived(tmp_path, "redis")
        assert isinstance(process, Copy)
        assert process.poll() == 0
        assert not Path(f"/proc/{process.pid}").exists()
