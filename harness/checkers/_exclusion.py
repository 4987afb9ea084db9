"""Which runs of equal tasks there were, and which were kept out: the behaviour, whatever takes the lock."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.history import Event, History
from harness.lives import Attempt, Life, end_s


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a body that nothing kept out, from its lock or its first line to its end."""

    life: Life
    entered: Event
    start_s: float
    end_s: float
    whole: bool
    """Whether the body came to its end; False where its process died or the record stops."""


@dataclass(frozen=True, slots=True)
class Equals:
    """Tasks of one name with equal arguments, in order of publish, and their runs in order of start."""

    lives: tuple[Life, ...]
    runs: tuple[Run, ...]

    @property
    def task(self) -> str:
        return self.lives[0].task

    def runs_of(self, life: Life) -> list[Run]:
        return [run for run in self.runs if run.life is life]


def equals(history: History, lives: Iterable[Life]) -> list[Equals]:
    """The tasks in groups of equal name and arguments."""
    groups: dict[str, list[Life]] = defaultdict(list)
    for life in lives:
        if life.sent is not None:
            key = [life.task, life.sent.get("args"), life.sent.get("kwargs")]
            groups[json.dumps(key, sort_keys=True, default=str)].append(life)
    return [_equals(history, group) for group in groups.values()]


def lock_events(group: Equals, *kinds: str) -> list[Event]:
    """The events about locks of these tasks."""
    return [event for life in group.lives for event in life.of(*kinds)]


def _equals(history: History, group: Sequence[Life]) -> Equals:
    holders: dict[object, set[str]] = defaultdict(set)
    for life in group:
        for event in life.of("lock-acquired", "lock-denied"):
            holders[event.get("key")].add(life.task_id)
    # A key that several equal tasks ask for is the lock; a key of one task is something else.
    keys = {key for key, ids in holders.items() if len(ids) > 1}
    runs = [
        run
        for life in group
        for attempt in life.attempts
        if (run := _run(history, life, attempt, keys)) is not None
    ]
    ordered = sorted(group, key=lambda life: life.sent.at_s if life.sent is not None else 0.0)
    return Equals(tuple(ordered), tuple(sorted(runs, key=lambda run: run.start_s)))


def _run(history: History, life: Life, attempt: Attempt, keys: set[object]) -> Run | None:
    """The attempt as a run; None where its body was not entered, or was turned away by the lock."""
    if attempt.entered is None:
        return None
    entered_s = attempt.entered.at_s
    left_s = attempt.left.at_s if attempt.left is not None else _died_s(history, attempt)
    inside = [
        e
        for e in life.of("lock-acquired", "lock-denied")
        if entered_s <= e.at_s <= left_s and e.get("key") in keys
    ]
    acquired = [event for event in inside if event.kind == "lock-acquired"]
    if inside and not acquired:
        return None
    return Run(
        life, attempt.entered, acquired[0].at_s if acquired else entered_s, left_s, attempt.left is not None
    )


def _died_s(history: History, attempt: Attempt) -> float:
    """When the process of a body that was never left was lost, or the end of the record."""
    began_s = attempt.began.at_s
    if attempt.ended is not None:  # a hard time limit is reported, and its child killed, without more ado
        return attempt.ended.at_s
    for event in history.events:
        if event.at_s < began_s:
            continue
        if event.kind in ("child-lost", "worker-lost", "worker-stopped") and _is_of(event, attempt):
            return event.at_s
    return end_s(history)


def _is_of(lost: Event, attempt: Attempt) -> bool:
    if lost.task_id is not None:
        return lost.task_id == attempt.began.task_id
    if lost.kind != "child-lost":
        return attempt.worker is None or lost.get("worker") == attempt.worker
    return bool(lost.get("pid") == attempt.pid)
