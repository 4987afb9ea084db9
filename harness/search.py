"""Looks for a schedule of tasks and faults that breaks a guarantee, and for the smallest one that does.

Hypothesis makes the schedules and shrinks the one that it finds (https://hypothesis.readthedocs.io). What was
found is kept in an example database, tried first the next time, and run again in a fresh process before it is
reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from harness.contract import Contract
from harness.probe.steps import WHERE, Point
from harness.trials import Laboratory, Schedule, Task, Trial

MOST_TASKS, MOST_FAULTS, MOST_STEPS = 3, 4, 12
FAILURES = ("filesystem", "mail", "database")
DELAYS_S = (0.0, 1.0, 60.0)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to: the smallest schedule that breaks something, if there was one."""

    trial: Trial | None
    tried: int
    took_s: float


class Broke(Exception):
    """A schedule broke a guarantee; how Hypothesis is told."""


def names_of(contract: Contract) -> tuple[str, ...]:
    """Tasks of the contract's tiers whose own code can run, or all of them where none can."""
    members = dict.fromkeys(task for tier in contract.tiers for task in tier.members)
    real = [task for task in members if getattr(contract.samples.get(task), "body", "") == "real"]
    return tuple(real or members)


def schedules(names: Sequence[str], *, seeds: int = 8) -> st.SearchStrategy[Schedule]:
    """Up to three tasks and four faults; simpler ones come first."""
    failing = st.one_of(
        st.just((None, 0)), st.tuples(st.sampled_from(FAILURES), st.integers(min_value=1, max_value=8))
    )
    task = st.builds(
        lambda name, at_s, fails: Task(name, at_s, fails[0], fails[1]),
        st.sampled_from(list(names)), st.sampled_from(DELAYS_S), failing,
    )  # fmt: skip
    tasks = st.builds(_twins, st.lists(task, min_size=1, max_size=MOST_TASKS), st.booleans())
    point = st.sampled_from(sorted(WHERE)).flatmap(
        lambda kind: st.builds(
            Point, st.just(kind), st.integers(0, MOST_TASKS - 1).map(str), st.integers(0, MOST_STEPS),
            st.sampled_from(["before", "after"]), st.sampled_from(WHERE[kind]),
        )
    )  # fmt: skip
    points = st.lists(point, max_size=MOST_FAULTS).map(tuple)
    return st.builds(Schedule, tasks, points, st.integers(0, seeds - 1))


def _twins(tasks: list[Task], equal: bool) -> tuple[Task, ...]:  # noqa: FBT001 - drawn, not called
    """Where tasks are to be equal, all have name and arguments of the first.

    Their bodies are not made to fail: that happens at their first line, where a body that takes a lock
    has not taken it yet, and would be seen beside the one that has.
    """
    if not equal or len(tasks) == 1:
        return tuple(tasks)
    first = Task(tasks[0].name, tasks[0].at_s)
    return (first, *(Task(first.name, other.at_s, twin_of=0) for other in tasks[1:]))


def search(
    laboratory: Laboratory,
    *,
    examples: int | None = None,
    for_s: float | None = None,
    seeded: int = 0,
    database: Path | None = None,
    report: Callable[[str], None] = lambda _text: None,
) -> Found:
    """Try schedules until one breaks a guarantee and is shrunk, or `examples` or `for_s` seconds have passed.

    Seconds are those of the machine, and count until something was found; shrinking takes its own time.
    """
    began_s = time.monotonic()
    best: list[Trial] = []

    def over() -> bool:
        return for_s is not None and not best and time.monotonic() - began_s > for_s

    @seed(seeded)
    @settings(
        max_examples=examples or (1_000_000 if for_s is not None else 1_000),
        database=None if database is None else DirectoryBasedExampleDatabase(database),
        deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False, print_blob=False,
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(schedules(names_of(laboratory.contract)))
    def attempt(schedule: Schedule) -> None:
        if over():
            raise KeyboardInterrupt  # Hypothesis has no other way to end between examples
        trial = laboratory.try_out(schedule)
        report(
            f"{laboratory.tried} schedules, {laboratory.tried / max(time.monotonic() - began_s, 1e-9):.0f}/s"
        )
        if trial.broken:
            best.append(trial)
            raise Broke(trial.broken[0].guarantee)

    found: Any = None
    try:
        attempt()
    except Broke:
        found = best[-1]
    except KeyboardInterrupt:
        if not over():
            raise
    if found is not None:
        found = smallest(laboratory, found)
    return Found(found, laboratory.tried, time.monotonic() - began_s)


def smallest(laboratory: Laboratory, trial: Trial) -> Trial:
    """Leave out whatever can be left out, one thing after the other: what Hypothesis did not think of."""
    guarantee = trial.broken[0].guarantee
    again = True
    while again:
        again = False
        for simpler in _simpler(trial.schedule):
            other = laboratory.try_out(simpler)
            if any(verdict.guarantee == guarantee for verdict in other.broken):
                trial, again = other, True
                break
    return trial


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    """The schedule with one thing less: a fault, the last task, a failing body, a delay, its seed."""
    tasks, points = schedule.tasks, schedule.points
    for place in range(len(points)):
        yield replace(schedule, points=points[:place] + points[place + 1 :])
    if len(tasks) > 1:
        yield replace(schedule, tasks=tasks[:-1])
    for place, task in enumerate(tasks):
        calmer = replace(task, raises=None, failing_attempts=0)
        fewer = replace(task, failing_attempts=max(1, task.failing_attempts - 1))
        for other in (calmer, replace(task, at_s=0.0), *((fewer,) if task.raises else ())):
            if other != task:
                yield replace(schedule, tasks=(*tasks[:place], other, *tasks[place + 1 :]))
    if schedule.seed:
        yield replace(schedule, seed=0)
