"""How long a worker had no child free: what waits then waits for others, whatever its own settings say."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.history import History
from harness.lives import Attempt, Life, Retrial, end_s, lives


def busy_s(history: History, worker: str | None, from_s: float, until_s: float) -> float:
    """Seconds between the two in which all children of a worker were in a task."""
    children = _children(history, worker)
    if worker is None or children is None:
        return 0.0
    steps = sorted(step for step in _steps(history, worker) if step[0] < until_s)
    running, last_s, total_s = 0, from_s, 0.0
    for at_s, step in [*steps, (until_s, 0)]:
        if running >= children and at_s > last_s:
            total_s += at_s - last_s
        running += step
        last_s = max(last_s, min(at_s, until_s))
    return total_s


def handed_s(life: Life, trial: Retrial, due_s: float) -> float:
    """When a worker took the message of a retry that was due, be it behind others or a full prefetch."""
    until_s = trial.again.began.at_s if trial.again else math.inf
    since_s = max((a.began.at_s for a in life.attempts if a.began.at_s < until_s), default=0.0)
    taken = (event.at_s for event in life.of("message-delivered") if since_s < event.at_s <= until_s)
    return max(due_s, next(taken, due_s))


def _children(history: History, worker: str | None) -> int | None:
    """How many tasks the worker runs at once; None where the record does not say."""
    for event in history.of("worker-ready"):
        if event.get("worker") == worker and event.get("concurrency"):
            return int(event.get("concurrency"))
    return None


def _steps(history: History, worker: str) -> Sequence[tuple[float, int]]:
    """Every moment at which the worker began or ended a task, with +1 or -1."""
    key = ("busy", worker)
    if key not in history.memo:
        steps = []
        for life in lives(history).values():
            for place, attempt in enumerate(life.attempts):
                if attempt.worker == worker:
                    steps += [(attempt.began.at_s, 1), (_over_s(history, life, place, worker), -1)]
        history.memo[key] = sorted(steps)
    found: Sequence[tuple[float, int]] = history.memo[key]
    return found


def _over_s(history: History, life: Life, place: int, worker: str) -> float:
    """When an attempt was over: by its end, else by the loss of its process, the next one, or the record."""
    attempt: Attempt = life.attempts[place]
    known = [event.at_s for event in (attempt.ended, attempt.left) if event is not None]
    if known:
        return max(known)
    later = [other.began.at_s for other in life.attempts[place + 1 :]]
    for event in history.of("worker-lost", "worker-stopped", "child-lost"):
        mine = event.task_id == life.task_id or (
            event.task_id is None
            and event.get("worker") in (None, worker)
            and (event.kind != "child-lost" or event.get("pid") == attempt.pid)
        )
        if mine and event.at_s >= attempt.began.at_s:
            later.append(event.at_s)
            break
    return min([*later, max(end_s(history), attempt.began.at_s)], default=math.inf)
