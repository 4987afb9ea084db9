"""How fast the simulated stage is: schedules a minute, a ladder to its dead letter, and what dominates.

``python benchmarks/simulation.py [--processes]``; figures are those of the machine at that moment, ratios to
eager mode and to the processes stage are of the same run. Beside the time that passed stands the processor
time of harness, simulating processes and copies: it depends less on what else the machine does.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from harness import discovery
from harness.contract_file import loads
from harness.laboratories import laboratories
from harness.probe.steps import Point
from harness.search import schedules
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


def processor_s(pids: Iterable[int]) -> float:
    """Processor time of this process, and of others with their children that have ended (`proc(5)`)."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def drawn() -> list[Schedule]:
    """Schedules of three tasks and one to four faults, as search draws them."""
    found: dict[Schedule, None] = {}

    @seed(1)
    @settings(
        max_examples=8 * MANY, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(schedules(("shop.pay",)))
    def draw(schedule: Schedule) -> None:
        if len(schedule.tasks) == len(THREE) and schedule.points:
            found.setdefault(schedule)

    began_s = time.process_time()
    draw()
    say("Hypothesis draws a schedule", (time.process_time() - began_s) / (8 * MANY) * 1e3, "ms")
    return list(found)[:MANY]


def say_schedules(folder: Path, broker: str, jobs: int) -> None:
    """Schedules of three tasks a minute on so many worlds: two faults each, and as search draws them."""
    with laboratories("shop:app", loads(CONTRACT), folder, broker=broker, jobs=jobs) as labs:
        pids = [one.world.process.pid for one in labs.each]
        alike = [Schedule(THREE, FAULTS, number) for number in range(MANY)]
        for what, kind in (("two faults each", alike), ("as search draws them", drawn())):
            for one in labs.each:
                one.try_out(kind[0])
            began_s, own_s, cpu_s = time.perf_counter(), time.process_time(), processor_s(pids)
            for _ in labs.try_all(kind):
                pass
            took_s = time.perf_counter() - began_s
            own_ms = 1e3 * (time.process_time() - own_s) / MANY
            cpu_ms = 1e3 * (processor_s(pids) - cpu_s) / MANY
            say(
                f"{broker}, {jobs} world(s): {what}", 60 * MANY / took_s, "a minute",
                f"; processor {cpu_ms:.1f} ms each, of it conducting and judging {own_ms:.1f};"
                f" {120e3 / cpu_ms:.0f} a minute for two processors",
            )  # fmt: skip


def ladder_s(world: World) -> float:
    """A task that always fails, from its publish to its dead letter, in a world that is open."""
    process = getattr(world, "process", None)
    pids = [process.pid] if process is not None else []

    def once(seen: int) -> None:
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
    cpu_s = processor_s(pids)
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        once(len(world.arrived()))
        found.append(time.perf_counter() - began_s)
    if pids:
        say("  processor time of each ladder", (processor_s(pids) - cpu_s) / ROUNDS * 1e3, "ms")
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
                say_schedules(folder, broker, jobs)
        if "--processes" in sys.argv:
            for what, measure in (("one task", success_s), ("ladder, with warp", ladder_s)):
                real = on_stage("processes", folder, "redis", measure)
                ratio = real / on_stage("simulated", folder, "redis", measure)
                say(f"redis: {what}, processes", real * 1e3, "ms", f": {ratio:.0f}x simulated")


if __name__ == "__main__":
    main()
