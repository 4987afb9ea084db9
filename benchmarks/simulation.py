"""How fast the simulated stage is: schedules a minute, a ladder to its end, and what eager mode takes.

``python benchmarks/simulation.py``; figures are those of the machine at that moment.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness.contract_file import loads
from harness.probe.steps import Point
from harness.trials import Schedule, Task, laboratory

APP = """
from celery import Celery

app = Celery("shop", broker="redis://example.invalid/0", backend="redis://example.invalid/1")
app.conf.update(task_acks_late=True, task_default_queue="work", broker_connection_retry_on_startup=True)


@app.task(bind=True, name="shop.pay", max_retries=5)
def pay(self, order):
    try:
        return order
    except OSError as error:
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
ROUNDS = 40
THREE = tuple(Task("shop.pay", at_s=float(place)) for place in range(3))
LADDER = (Task("shop.pay", raises="filesystem", failing_attempts=10),)


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


def main() -> None:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shop.py").write_text(APP, encoding="utf-8")
        eager = eager_s(folder)
        print(f"one task, eager mode                       {eager * 1e3:8.2f} ms")
        for broker in ("redis", "rabbitmq"):
            with laboratory("shop:app", loads(CONTRACT), folder, broker=broker) as lab:
                faults = (
                    Point("ack", "1", 0, "after", "drop_connections"),
                    Point("body-begin", "2", 0, "before", "delay"),
                )
                one = measured(lambda: lab.try_out(Schedule(THREE[:1])))
                three = measured(lambda: lab.try_out(Schedule(THREE, faults)))  # noqa: B023
                ladder = measured(lambda: lab.try_out(Schedule(LADDER)))
            print(f"{broker}: schedule of one task              {one * 1e3:8.1f} ms")
            print(f"{broker}: three tasks, two faults           {three * 1e3:8.1f} ms: {60 / three:.0f}/min")
            print(f"{broker}: ladder of six attempts, 750 s     {ladder * 1e3:8.1f} ms")
            print(f"{broker}: the same less one task            {(ladder - one) * 1e3:8.1f} ms")


if __name__ == "__main__":
    main()
