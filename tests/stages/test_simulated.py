"""The simulated stage: Celery's own worker on virtual time, the same for the same seed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from harness.contract_file import loads
from harness.errors import AppError, StageError, UsageError
from harness.fault import Fault, injected
from harness.faults.broker_drops_connections import BrokerDropsConnections
from harness.faults.broker_restart import BrokerRestart
from harness.faults.child_kill import ChildKill
from harness.faults.clock_step import ClockStep
from harness.faults.results_gone import ResultsGone
from harness.faults.worker_kill import WorkerKill
from harness.faults.worker_pause import WorkerPause
from harness.faults.worker_stop import WorkerStop
from harness.history import Event, event_line
from harness.stage import StageSettings, World
from harness.stages.simulated import Simulated

APP = """
import asyncio, threading, time
from celery import Celery
from celery.exceptions import Reject, SoftTimeLimitExceeded

app = Celery("shop", broker="redis://example.invalid/0", backend="redis://example.invalid/1")
app.conf.update(
    task_acks_late=True, task_reject_on_worker_lost=True, broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 600},
)


@app.task(name="shop.sell", bind=True, max_retries=5)
def sell(self, order, fails=False, takes_s=0.0):
    time.sleep(takes_s)
    try:
        if fails:
            raise OSError(5, "disk")
    except OSError as error:
        raise self.retry(exc=error, countdown=min(300, 30 * 2**self.request.retries))
    return order


def stats():
    (found,) = app.control.inspect(timeout=1).stats().values()
    return found["pool"]


@app.task(name="shop.again", bind=True, acks_late=True)
def again(self):
    raise Reject("not now", requeue=True)


@app.task(name="shop.hook", bind=True)
def hook(self, request, error, traceback):
    pass


@app.task(name="shop.limited", soft_time_limit=5)
def limited(takes_s):
    try:
        time.sleep(takes_s)
    except SoftTimeLimitExceeded:
        return "told"
    return "in time"


@app.task(name="shop.awaits")
def awaits():
    async def both():
        return await asyncio.gather(asyncio.sleep(30, "a"), asyncio.sleep(20, "b"))

    return asyncio.run(both())


@app.task(name="shop.fork")
def fork():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
"""
CONTRACT = """
[tiers.all]
tasks = ["shop.*"]
queue = "celery"

[workers.one]
queues = ["celery"]
concurrency = 2
"""
BROKERS = ("redis", "rabbitmq")


@contextmanager
def opened(
    folder: Path, broker: str = "redis", *, seed: int = 1, app: str = APP, **environment: str
) -> Iterator[World]:
    """A simulated world of a plain app."""
    (folder / "shop.py").write_text(app, encoding="utf-8")
    settings = StageSettings(
        "shop:app", loads(CONTRACT), folder, broker=broker, seed=seed, environment=environment
    )
    with Simulated.open(settings) as world:
        yield world


@pytest.fixture(scope="module", params=BROKERS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for this file and each broker."""
    with opened(tmp_path_factory.mktemp("shop"), request.param) as found:
        yield found


def events(world: World, task_id: str, *kinds: str) -> list[Event]:
    """What happened to a task."""
    return [e for e in world.events() if e.task_id == task_id and (not kinds or e.kind in kinds)]


def succeeds(world: World, *, within_s: float = 2_000.0, takes_s: float = 0.0) -> bool:
    """Whether a task goes through worker, broker and result backend."""
    task_id = world.send("shop.sell", [1], {"takes_s": takes_s})
    return world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=within_s)


def test_a_ladder_of_retries_keeps_its_delays_to_the_hundredth(world: World) -> None:
    task_id = world.send("shop.sell", [1, True], {})
    assert world.advance(lambda: bool(events(world, task_id, "task-failed")), within_s=2_000)
    starts = [event.at_s for event in events(world, task_id, "task-started")]
    gaps = [later - sooner for sooner, later in pairwise(starts)]
    # Whoever looks at the clock again and again without a pause is let sleep for a millisecond.
    assert gaps == pytest.approx([30.0, 60.0, 120.0, 240.0, 300.0], abs=0.01)


def test_a_task_is_acknowledged_after_its_end(world: World) -> None:
    task_id = world.send("shop.sell", [1], {})
    assert world.advance(lambda: bool(events(world, task_id, "message-acked")), within_s=10)
    kinds = [event.kind for event in events(world, task_id)]
    assert kinds.index("task-succeeded") < kinds.index("message-acked")


@pytest.mark.parametrize(
    "fault",
    [
        WorkerKill(), WorkerStop(), WorkerStop(cold=True), WorkerPause(), ChildKill(), BrokerRestart(),
        BrokerDropsConnections(), ResultsGone(), ClockStep(3600.0),
    ],
    ids=lambda fault: fault.name,
)  # fmt: skip
def test_tasks_succeed_after_a_fault_is_healed(world: World, fault: Fault) -> None:
    with injected(fault, world):
        world.advance(lambda: False, within_s=5)
    assert succeeds(world)


def test_a_task_whose_worker_is_killed_runs_again(world: World) -> None:
    task_id = world.send("shop.sell", [1], {"takes_s": 20})
    assert world.advance(lambda: bool(events(world, task_id, "task-started")), within_s=10)
    with injected(WorkerKill(), world):
        pass
    assert world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=1_000)
    assert len(events(world, task_id, "task-started")) == 2


@pytest.mark.parametrize("takes_s", [2.0, 8.0])
def test_a_stopped_child_hears_of_its_soft_limit_when_it_goes_on(world: World, takes_s: float) -> None:
    """Before its body goes on, although that would have slept long enough (`signal(7)`)."""
    task_id = world.send("shop.limited", [takes_s], {})
    assert world.advance(lambda: bool(events(world, task_id, "task-started")), within_s=10)
    [child] = [event.get("pid") for event in events(world, task_id, "task-started")]
    ask = world.ask  # type: ignore[attr-defined]
    ask("signal", pid=child, number=int(signal.SIGSTOP))
    assert not world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=20)
    ask("signal", pid=child, number=0)
    assert not world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=20)
    ask("signal", pid=child, number=int(signal.SIGCONT))
    assert world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=1)
    stored = world.results.client.get(f"celery-task-meta-{task_id}")  # type: ignore[attr-defined]
    assert json.loads(stored)["result"] == "told"


def test_an_event_loop_of_asyncio_waits_in_virtual_time(world: World) -> None:
    began_s, task_id = world.clock.now_s(), world.send("shop.awaits", [], {})
    assert world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=100)
    assert 30 <= world.clock.now_s() - began_s < 31


def test_a_killed_worker_says_nothing_any_more(world: World) -> None:
    task_id = world.send("shop.sell", [1], {"takes_s": 20})
    assert world.advance(lambda: bool(events(world, task_id, "body-entered")), within_s=10)
    with injected(WorkerKill(), world):
        world.advance(lambda: False, within_s=30)
        assert not events(world, task_id, "body-left")
    assert world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=1_000)


def test_a_task_that_is_delivered_again_and_again_lets_time_pass(world: World) -> None:
    """Computing takes no time; going round at one moment for ever would stop the run."""
    began_s = world.clock.now_s()
    task_id = world.send("shop.again", [], {})
    assert world.advance(lambda: len(events(world, task_id, "task-started")) > 100, within_s=10)
    assert began_s < world.clock.now_s() < began_s + 5
    world.calm(task_id)
    assert world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=10)


def test_an_errback_that_raises_ends_no_worker(world: World) -> None:
    """Billiard logs what a callback raises (`billiard/pool.py`, `safe_apply_callback`)."""
    errback = {"task": "shop.hook", "args": [], "kwargs": {}, "options": {}, "immutable": False}
    task_id = world.send(
        "shop.sell", [1], {}, body={"raises": "programming"}, options={"link_error": [errback]}
    )
    assert world.advance(lambda: bool(events(world, task_id, "task-internal-error")), within_s=60)
    world.advance(lambda: False, within_s=5)
    assert all(worker.pid for worker in world.workers.values())
    assert succeeds(world)


def test_a_pool_notices_that_a_server_has_closed_its_connections(world: World) -> None:
    """redis-py reads before it hands a connection out; nobody is told of the loss (`redis/connection.py`)."""
    assert succeeds(world)
    world.results.drop_connections()
    task_id = world.send("shop.sell", [1], {})
    assert world.advance(lambda: bool(events(world, task_id, "result-stored")), within_s=10)
    assert not events(world, task_id, "publish-failed", "task-retried", "task-internal-error")


def test_a_worker_s_statistics_are_those_of_a_prefork_pool(world: World) -> None:
    client = world.client  # type: ignore[attr-defined]
    answer = client.ask("call", function="shop:stats", kwargs={})["value"]
    assert answer["max-concurrency"] == 2
    assert answer["max-tasks-per-child"] == "N/A"
    assert answer["processes"] == list(world.workers["one"].children())


def history(folder: Path, hash_seed: str, broker: str) -> str:
    """The events of a run with a ladder, a killed worker and lost connections."""
    with opened(folder, broker, PYTHONHASHSEED=hash_seed) as world:
        world.send("shop.sell", [1, True], {})
        lost = world.send("shop.sell", [2], {"takes_s": 5})
        world.advance(lambda: bool(events(world, lost, "body-entered")), within_s=5)
        with injected(WorkerKill(), world):
            world.advance(lambda: False, within_s=3)
        world.broker.drop_connections()
        world.advance(lambda: False, within_s=2_000)
        return "\n".join(event_line(event) for event in world.events())


@pytest.mark.parametrize("broker", BROKERS)
def test_the_same_seed_gives_the_same_bytes_in_every_process(tmp_path: Path, broker: str) -> None:
    first = history(tmp_path, "0", broker)
    assert first.count("\n") > 40
    assert history(tmp_path, "4711", broker) == first


def test_a_thread_of_the_app_is_said(tmp_path: Path) -> None:
    with opened(tmp_path) as world:
        task_id = world.send("shop.fork", [], {})
        assert world.advance(lambda: bool(events(world, task_id, "task-succeeded")), within_s=10)
        notes = [event for event in world.events() if event.kind == "simulation-note"]
        assert [note.get("what").partition(";")[0] for note in notes] == ["a thread was started"]
        assert "shop.py" in notes[0].get("where")


def test_time_passes_to_a_moment_between_two_nanoseconds(world: World) -> None:
    for part in range(1, 40):
        began_s = world.clock.now_s()
        assert not world.advance(lambda: False, within_s=part / 7)
        assert world.clock.now_s() == pytest.approx(began_s + part / 7, abs=2e-9)


def test_whoever_is_to_be_woken_between_two_nanoseconds_is_woken(world: World) -> None:
    for part in range(1, 40):
        moment_s = world.clock.now_s() + part / 7 + 1e-10
        asked: list[float] = []

        def due(moment_s: float = moment_s, asked: list[float] = asked) -> bool:
            asked.append(world.clock.now_s())
            return asked[-1] >= moment_s or len(asked) > 20

        assert world.advance(due, within_s=100, wake_at_s=lambda: moment_s)  # noqa: B023 - used at once
        assert moment_s <= asked[-1] < moment_s + 3e-9


def test_what_happens_to_a_copy_happens_to_nothing_else(world: World) -> None:
    before, now_s = len(world.events()), world.clock.now_s()
    with world.copied():  # type: ignore[attr-defined]
        assert succeeds(world)
    assert (len(world.events()), world.clock.now_s()) == (before, now_s)


def test_an_app_that_raises_at_import_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="ZeroDivisionError"), opened(tmp_path, app="1 / 0"):
        pass


def test_a_pool_of_threads_is_refused(tmp_path: Path) -> None:
    contract = loads(CONTRACT.replace("concurrency = 2", 'concurrency = 2\npool = "threads"'))
    settings = StageSettings("shop:app", contract, tmp_path)
    with pytest.raises(UsageError, match="threads"), Simulated.open(settings):
        pass


PLANNED = (
    APP
    + """
from celery.schedules import crontab

app.conf.beat_schedule = {
    "each 5 minutes": {"task": "shop.limited", "schedule": 300.0, "args": (0,)},
    "at nine": {"task": "shop.sell", "schedule": crontab(hour=9, minute=0), "args": (1,)},
}
"""
)


def planned(folder: Path, broker: str) -> tuple[list[str], list[float], list[float]]:
    """Two hours from eight o'clock, beat away for a half: all events, and when each entry was published."""
    with opened(folder, broker, app=PLANNED) as world:
        with world.beat():
            world.advance(lambda: False, within_s=1000.0)
        world.advance(lambda: False, within_s=1800.0)
        with world.beat():
            world.advance(lambda: False, within_s=4000.0)
        at = {
            task: [e.at_s for e in world.events() if e.kind == "message-published" and e.task == task]
            for task in ("shop.limited", "shop.sell")
        }
        return [event_line(event) for event in world.events()], at["shop.limited"], at["shop.sell"]


@pytest.mark.parametrize("broker", BROKERS)
def test_beat_publishes_by_its_schedule_in_virtual_time(tmp_path: Path, broker: str) -> None:
    lines, each_5_minutes, at_nine = planned(tmp_path, broker)
    gaps = [round(later - sooner) for sooner, later in pairwise(each_5_minutes)]
    away = gaps.index(max(gaps))
    assert set(gaps[:away] + gaps[away + 1 :]) == {300}
    assert 1800 < gaps[away] < 2000  # what came due meanwhile is published once, when beat is back
    assert at_nine == pytest.approx([3600.0], abs=0.1)  # virtual time begins at eight
    assert lines == planned(tmp_path, broker)[0]


def test_beat_that_cannot_go_on_is_an_error(tmp_path: Path) -> None:
    broken = PLANNED + "\napp.conf.beat_scheduler = 'shop:nothing'\n"
    with (
        opened(tmp_path, app=broken) as world,
        pytest.raises(StageError, match="beat ended"),
        world.beat(),
    ):
        world.advance(lambda: False, within_s=60.0)
