"""How fast the simulated stage is: schedules a minute, a ladder to its dead letter, and what dominates.

``python benchmarks/simulation.py [--processes]``; figures are those of the machine at that moment, ratios to
eager mode and to the processes stage are of the same run.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import discovery
from harness.contract_file import loads
from harness.laboratories import laboratories
from harness.probe.steps import Point
from harness.stage import Stage, StageSettings, World
from harness.trials import Schedule, Task, laboratory

APP = """
from celery import Celery

app = Celery("shop", broker="redis://example.invalid/0", backend="redis://example.invalid/1")
app.conf.update(task_acks_late=True, task_default_queue="work", broker_connection_retry_on_startup=True)


@app.task(name="shop.bury", ignore_result=True)
def bury(name):
    pass


@app.task(bind=True, name="shop.pay", max_retries=5)
def pay(self, order):
    try:
        return order
    except OSError as error:
        if self.request.retries >= 5:
            bury.apply_async(kwargs={"name": self.request.id})
        raise self.retry(exc=error, countdown=min(300, 30 * 2**self.request.retries))
"""
CONTRACT = """
[tiers.work]
tasks = ["shop.pay"]
queue = "work"

[tiers.work.retry]
on = ["filesystem"]
max_retries = 5

[workers.one]
queues = ["work"]
concurrency = 2

[samples."shop.pay"]
args = [1]
vary = 0
"""
ROUNDS = 20
MANY = 80
THREE = tuple(Task("shop.pay", at_s=float(place)) for place in range(3))
FAULTS = (
    Point("ack", "1", 0, "after", "drop_connections"),
    Point("body-begin", "2", 0, "before", "delay"),
)


def measured(act: Callable[[], object]) -> float:
    """Median of seconds over `ROUNDS` calls, after three that do not count."""
    for _ in range(3):
        act()
    found = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        act()
        found.append(time.perf_counter() - began_s)
    return statistics.median(found)


def eager_s(folder: Path) -> float:
    """One successful task in eager mode, in this process."""
    space: dict[str, object] = {}
    exec(compile(APP, str(folder / "shop.py"), "exec"), space)  # noqa: S102 - the app above
    pay = space["pay"]
    return measured(lambda: pay.apply((1,)))  # type: ignore[attr-defined]


def schedules_a_minute(folder: Path, broker: str, jobs: int) -> tuple[float, float]:
    """Schedules of three tasks and two faults a minute on so many worlds; milliseconds of judging."""
    with laboratories("shop:app", loads(CONTRACT), folder, broker=broker, jobs=jobs) as labs:
        schedules = [Schedule(THREE, FAULTS, seed) for seed in range(MANY)]
        for one in labs.each:
            one.try_out(schedules[0])
        began_s, cpu_s = time.perf_counter(), time.process_time()
        tried = sum(1 for _ in labs.try_all(schedules))
        took_s = time.perf_counter() - began_s
    return 60 * tried / took_s, 1e3 * (time.process_time() - cpu_s) / tried


def ladder_s(world: World) -> float:
    """A task that always fails, from its publish to its dead letter, in a world that is open."""

    def once() -> None:
        task_id = world.send("shop.pay", [1], {}, body={"raises": "filesystem"})
        done = world.advance(
            lambda: (
                any(e.kind == "task-succeeded" and e.task == "shop.bury" for e in world.arrived()[seen:])
                and any(e.kind == "task-failed" and e.task_id == task_id for e in world.arrived()[seen:])
            ),
            within_s=2_000,
        )
        assert done

    found = []
    for _ in range(ROUNDS):
        seen = len(world.arrived())
        began_s = time.perf_counter()
        once()
        found.append(time.perf_counter() - began_s)
    return statistics.median(found)


def success_s(world: World, rounds: int = ROUNDS) -> float:
    """One task from its publish to its acknowledgement."""
    found = []
    for _ in range(rounds):
        seen = len(world.arrived())
        began_s = time.perf_counter()
        task_id = world.send("shop.pay", [1], {})
        assert world.advance(
            lambda: any(e.kind == "message-acked" and e.task_id == task_id for e in world.arrived()[seen:]),  # noqa: B023
            within_s=60,
        )
        found.append(time.perf_counter() - began_s)
    return statistics.median(found)


def on_stage(stage: str, folder: Path, broker: str, measure: Callable[[World], float]) -> float:
    """A figure of an open world of one stage."""
    kind: type[Stage] = discovery.find("stages", stage)
    settings = StageSettings("shop:app", loads(CONTRACT), folder, broker=broker, seed=1)
    with kind.open(settings) as world:
        success_s(world, 5)
        return measure(world)


def copy_s(folder: Path, broker: str) -> dict[str, float]:
    """Seconds for a copy in which nothing happens, one task, and three with two faults."""
    with laboratory("shop:app", loads(CONTRACT), folder, broker=broker) as lab:

        def nothing() -> None:
            with lab.copy():
                pass

        return {
            "a copy in which nothing happens": measured(nothing),
            "a schedule of one task": measured(lambda: lab.try_out(Schedule(THREE[:1]))),
            "three tasks, two faults": measured(lambda: lab.try_out(Schedule(THREE, FAULTS))),
        }


def say(what: str, figure: float, unit: str, more: str = "") -> None:
    """One line."""
    print(f"{what:46} {figure:10.2f} {unit}{more}", flush=True)


def main() -> None:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shop.py").write_text(APP, encoding="utf-8")
        eager = eager_s(folder)
        say("one task, eager mode (task.apply())", eager * 1e3, "ms")
        for broker in ("redis", "rabbitmq"):
            one = on_stage("simulated", folder, broker, success_s)
            say(f"{broker}: one task", one * 1e3, "ms", f": {one / eager:.1f}x eager")
            ladder = on_stage("simulated", folder, broker, ladder_s)
            say(f"{broker}: ladder to its dead letter", ladder * 1e3, "ms")
            for what, took_s in copy_s(folder, broker).items():
                say(f"{broker}: {what}", took_s * 1e3, "ms")
            for jobs in (1, 2):
                speed, judging_ms = schedules_a_minute(folder, broker, jobs)
                say(
                    f"{broker}: schedules on {jobs} world(s)",
                    speed,
                    "a minute",
                    f", judging {judging_ms:.1f} ms",
                )
        if "--processes" in sys.argv:
            for what, measure in (("one task", success_s), ("ladder, with warp", ladder_s)):
                real = on_stage("processes", folder, "redis", measure)
                ratio = real / on_stage("simulated", folder, "redis", measure)
                say(f"redis: {what}, processes", real * 1e3, "ms", f": {ratio:.0f}x simulated")


if __name__ == "__main__":
    main()
