"""What the proxy costs: one command with and without it, and tasks a second.

``python benchmarks/proxy.py [rounds]``. Both sides of each ratio are measured in turn within one run, on real
time; figures are medians of the rounds. Printed, never tested: the machine decides them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis

from harness.contract_file import loads
from harness.stage import StageSettings
from harness.stages.processes import Processes

APP = """
from celery import Celery

app = Celery("plain")


@app.task(name="plain.work")
def work():
    return None


@app.task(name="plain.many")
def many(count):
    for _ in range(count):
        work.delay()
"""
CONTRACT = '[tiers.all]\ntasks = ["plain.*"]\n\n[workers.one]\nconcurrency = 2\n'
COMMANDS, TASKS = 3000, 400


def asked_ms(client: Any) -> float:
    """Median milliseconds of one command, one after the other."""
    times = []
    for _ in range(COMMANDS):
        began = time.perf_counter()
        client.get("benchmark")
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def tasks_in_s(world: Any) -> float:
    """Tasks a second, from the publish of the first to the end of the last, published by a task."""
    before = done(world)
    began = time.perf_counter()
    world.send("plain.many", [TASKS], {})
    assert world.advance(lambda: done(world) >= before + TASKS + 1, within_s=120)
    return TASKS / (time.perf_counter() - began)


def done(world: Any) -> int:
    """How many tasks have succeeded so far."""
    world.events()
    return sum(event.kind == "task-succeeded" for event in world.arrived())


def main(rounds: int) -> None:
    """Two stages, one of them with proxies, asked in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plain.py").write_text(APP, encoding="utf-8")
        bare = StageSettings("plain:app", loads(CONTRACT), folder, warp="off")
        behind = replace(bare, proxies=("broker", "results", "cache"))
        with Processes.open(bare) as direct, Processes.open(behind) as proxied:
            worlds: dict[str, Any] = {"direct": direct, "proxied": proxied}
            port = proxied.proxy.address("broker")[1]  # type: ignore[attr-defined]
            own = proxied.broker.addresses()[0][1]
            clients = {"direct": redis.Redis(port=own), "proxied": redis.Redis(port=port)}
            one: dict[str, Callable[[], float]] = {
                name: lambda client=client: asked_ms(client)  # type: ignore[misc]
                for name, client in clients.items()
            }
            many: dict[str, Callable[[], float]] = {
                name: lambda world=world: tasks_in_s(world)  # type: ignore[misc]
                for name, world in worlds.items()
            }
            for measure in (one, many):
                for run in measure.values():
                    run()  # connections are made, children are warm
            show("ms a command (p50)", one, rounds)
            show("tasks a second", many, rounds)


def show(what: str, measures: dict[str, Callable[[], float]], rounds: int) -> None:
    """Medians, and the median of the ratios within each round."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for place in range(rounds):
        names = list(measures)[:: 1 if place % 2 else -1]
        for name in names:
            found[name].append(measures[name]())
    ratios = [b / a for a, b in zip(found["direct"], found["proxied"], strict=True)]
    medians = {name: statistics.median(values) for name, values in found.items()}
    added = medians["proxied"] - medians["direct"]
    print(
        f"{what:<20} direct {medians['direct']:8.3f}   proxied {medians['proxied']:8.3f}   "
        f"added {added:+8.3f}   ratio {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds)",
        flush=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
