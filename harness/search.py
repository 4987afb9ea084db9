"""Looks for a schedule of tasks and faults that breaks a guarantee, and for the smallest one that does.

Hypothesis makes the schedules and shrinks the one that it finds (https://hypothesis.readthedocs.io). What was
found is kept in an example database, tried first the next time, and run again in a fresh process before it is
reported.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from harness.laboratories import Laboratories
from harness.probe.steps import CLOCK_STEPS, WHERE, Point
from harness.trials import Schedule, Task, Trial, names_of

MOST_TASKS, MOST_FAULTS = 3, 4
STEPS = (0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 12)
"""Which step of its kind is struck; most tasks have few."""
FAILURES = ("filesystem", "mail", "database")
DELAYS_S = (0.0, 1.0, 60.0)
STRIKES = [
    (kind, when, action) for kind in sorted(WHERE) for when in ("before", "after") for action in WHERE[kind]
]
"""Each action at each kind of step, before and after it."""
MOST_EXAMPLES = 1_000
CHUNK = 200
"""Schedules that Hypothesis makes at a time; what it makes depends on their number."""
SEEDS_APART = 1_000_003
"""Between the seeds of two chunks."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to: the smallest schedule that breaks something, if there was one."""

    trial: Trial | None
    tried: int
    took_s: float


class Broke(Exception):
    """A schedule broke a guarantee; how Hypothesis is told."""


def schedules(
    names: Sequence[str], *, seeds: int = 8, clock_steps: bool = False
) -> st.SearchStrategy[Schedule]:
    """Up to three tasks and four faults; simpler ones come first.

    Clock steps are drawn where asked for: an hour ahead ends every lock that expires, whatever the app does.
    """
    strikes = STRIKES if clock_steps else [each for each in STRIKES if each[2] not in CLOCK_STEPS]
    failing = st.one_of(
        st.just((None, 0)), st.tuples(st.sampled_from(FAILURES), st.integers(min_value=1, max_value=8))
    )
    task = st.builds(
        lambda name, at_s, fails: Task(name, at_s, fails[0], fails[1]),
        st.sampled_from(list(names)), st.sampled_from(DELAYS_S), failing,
    )  # fmt: skip
    tasks = st.builds(_twins, st.lists(task, min_size=1, max_size=MOST_TASKS), st.booleans())
    point = st.tuples(st.sampled_from(strikes), st.integers(0, MOST_TASKS - 1), st.sampled_from(STEPS)).map(
        lambda drawn: Point(drawn[0][0], str(drawn[1]), drawn[2], drawn[0][1], drawn[0][2])
    )
    points = st.lists(point, max_size=MOST_FAULTS).map(tuple)
    return st.builds(_aimed, tasks, points, st.integers(0, seeds - 1))


def _aimed(tasks: tuple[Task, ...], points: tuple[Point, ...], seed: int) -> Schedule:
    """Points strike at tasks that there are."""
    aimed = (replace(each, task=str(int(each.task) % len(tasks))) for each in points)
    return Schedule(tasks, tuple(dict.fromkeys(aimed)), seed)


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
    labs: Laboratories,
    *,
    examples: int | None = None,
    for_s: float | None = None,
    seeded: int = 0,
    database: Path | None = None,
    clock_steps: bool = False,
    report: Callable[[str], None] = lambda _text: None,
) -> Found:
    """Try schedules until one breaks a guarantee and is shrunk, or `examples` or `for_s` seconds have passed.

    Seconds are those of the machine, and count until something was found; shrinking takes its own time. What
    is found depends on app, contract and `seeded` alone, not on how many worlds look for it.
    """
    strategy = schedules(names_of(labs.contract), clock_steps=clock_steps)
    return _Search(labs, strategy, examples, for_s, seeded, database, report).run()


class _Search:
    """One search: first what was found before, then chunk after chunk of new schedules."""

    def __init__(
        self, labs: Laboratories, strategy: st.SearchStrategy[Schedule], examples: int | None,
        for_s: float | None, seeded: int, database: Path | None, report: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.labs = labs
        self.strategy = strategy
        self.most = examples if examples is not None else (math.inf if for_s is not None else MOST_EXAMPLES)
        self.for_s = math.inf if for_s is None else for_s
        self.seeded = seeded
        self.database = None if database is None else DirectoryBasedExampleDatabase(database)
        self.report = report
        self.began_s = time.monotonic()
        self.known: dict[Schedule, Trial | None] = {}
        """What was tried; None where nothing broke."""

    def run(self) -> Found:
        """The smallest schedule that breaks something; None in `Found` where there was none in time."""
        found = self._kept(self.seeded, Phase.reuse) if self.database is not None else None
        for chunk in itertools.count():
            if found is not None or len(self.known) >= self.most or self._over():
                break
            seeded = self.seeded + chunk * SEEDS_APART
            drawn = self._drawn(seeded)
            if not drawn:
                break
            found = self._first(drawn)
            if found is not None:
                found = self._kept(seeded, Phase.generate) or found
        if found is not None:
            found = self._smallest(found)
        return Found(found, len(self.known), time.monotonic() - self.began_s)

    def _over(self) -> bool:
        return time.monotonic() - self.began_s > self.for_s

    def _drawn(self, seeded: int) -> list[Schedule]:
        """A chunk of new schedules, in the order in which Hypothesis makes them while nothing breaks."""
        drawn: dict[Schedule, None] = {}
        self._hypothesis(drawn.setdefault, seeded, [Phase.generate], None)
        fresh = [schedule for schedule in drawn if schedule not in self.known]
        return fresh[: int(min(len(fresh), self.most - len(self.known)))]

    def _first(self, schedules: Sequence[Schedule]) -> Trial | None:
        """The first of them that breaks something."""
        with closing(self.labs.try_all(schedules)) as trials:
            for trial in trials:
                self._learn(trial)
                if trial.broken:
                    return trial
                if self._over():
                    return None
        return None

    def _kept(self, seeded: int, phase: Phase) -> Trial | None:
        """The first schedule that breaks something, kept in the database; what was tried is known."""
        best: list[Trial] = []

        def attempt(schedule: Schedule) -> None:
            if schedule not in self.known:
                self._learn(self.labs.try_out(schedule))
            trial = self.known[schedule]
            if trial is not None:
                best.append(trial)
                raise Broke(trial.broken[0].guarantee)

        try:
            self._hypothesis(attempt, seeded, [phase], self.database)
        except Broke:
            return best[-1]
        except SkipTest:  # nothing was found before
            return None
        return None

    def _hypothesis(
        self, act: Callable[[Schedule], object], seeded: int, phases: Sequence[Phase], database: Any
    ) -> None:
        @seed(seeded)
        @settings(
            max_examples=CHUNK, database=database, deadline=None, suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False, print_blob=False, phases=phases,
        )  # fmt: skip
        @given(self.strategy)
        def attempt(schedule: Schedule) -> None:
            act(schedule)

        attempt()

    def _learn(self, trial: Trial) -> None:
        self.known[trial.schedule] = trial if trial.broken else None
        speed = len(self.known) / max(time.monotonic() - self.began_s, 1e-9)
        self.report(f"{len(self.known)} schedules, {60 * speed:.0f} a minute")

    def _smallest(self, trial: Trial) -> Trial:
        """Leave out whatever can be left out, one thing after the other, the largest things first.

        Hypothesis would shrink the numbers that it drew one by one; a schedule's own parts are fewer, and are
        tried side by side.
        """
        guarantee = trial.broken[0].guarantee
        found: Trial | None = trial
        while found is not None:
            trial = found
            with closing(self.labs.try_all(_simpler(trial.schedule))) as others:
                found = next(
                    (each for each in others if any(v.guarantee == guarantee for v in each.broken)), None
                )
        return trial


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    """The schedule with one thing less: a fault, a task, a failing body, a delay, its seed."""
    tasks, points = schedule.tasks, schedule.points
    for place in range(len(points)):
        yield replace(schedule, points=points[:place] + points[place + 1 :])
    for place in range(len(tasks)) if len(tasks) > 1 else ():
        yield (fewer := _without(schedule, place))
        # A loss beside one task may be that of another: with that alone it is on the other side of a step.
        for number, point in enumerate(fewer.points):
            other = replace(point, when="after" if point.when == "before" else "before")
            yield replace(fewer, points=(*fewer.points[:number], other, *fewer.points[number + 1 :]))
    for place, task in enumerate(tasks):
        calmer = replace(task, raises=None, failing_attempts=0)
        sooner = replace(task, failing_attempts=max(1, task.failing_attempts - 1))
        for less in (calmer, replace(task, at_s=0.0), *((sooner,) if task.raises else ())):
            if less != task:
                yield replace(schedule, tasks=(*tasks[:place], less, *tasks[place + 1 :]))
    for place, point in enumerate(points):
        for nth in dict.fromkeys((0, point.nth // 2, point.nth - 1)) if point.nth else ():
            yield replace(schedule, points=(*points[:place], replace(point, nth=nth), *points[place + 1 :]))
    if schedule.seed:
        yield replace(schedule, seed=0)


def _without(schedule: Schedule, place: int) -> Schedule:
    """The schedule without one of its tasks and what strikes it; those after it move up."""

    def moved(number: int) -> int:
        return number - (number > place)

    tasks = tuple(
        replace(task, twin_of=None if task.twin_of in (None, place) else moved(task.twin_of))
        for number, task in enumerate(schedule.tasks)
        if number != place
    )
    points = tuple(
        replace(point, task=str(moved(int(point.task)))) if point.task.isdigit() else point
        for point in schedule.points
        if point.task != str(place)
    )
    return replace(schedule, tasks=tasks, points=points)
