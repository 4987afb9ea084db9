"""Which messages waited at the same time for the same worker, and which of them it was given first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.checkers._evidence import setting
from harness.history import Event, History


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message from its publish to the moment when a worker was given it."""

    sent: Event
    delivered: Event
    started: Event | None
    worker: str
    place: int
    """Of its delivery among all: on a simulated stage many happen at one moment, one after the other."""

    @property
    def explicit(self) -> bool:
        """Whether the publish itself named a priority."""
        return "priority" in (self.sent.get("options") or {})


@dataclass(frozen=True, slots=True)
class Pair:
    """An urgent and a less urgent message that waited at the same time for the same worker."""

    urgent: Waiting
    other: Waiting

    @property
    def inverted(self) -> bool:
        return self.other.place < self.urgent.place


def waiting(history: History, sends: Iterable[Event]) -> list[Waiting]:
    """The messages that were delivered, in order of their first delivery."""
    delivered: dict[str | None, tuple[int, Event]] = {}
    started: dict[str | None, Event] = {}
    for place, event in enumerate(history.of("message-delivered")):
        delivered.setdefault(event.task_id, (place, event))
    for event in history.of("task-started"):
        started.setdefault(event.task_id, event)
    found = []
    for sent in sends:
        if sent.task_id not in delivered:
            continue
        (place, first), run = delivered[sent.task_id], started.get(sent.task_id)
        worker = first.get("worker") or (run.get("worker") if run is not None else "") or ""
        found.append(Waiting(sent, first, run, str(worker), place))
    return sorted(found, key=lambda each: each.place)


def excused(history: History, messages: Sequence[Waiting]) -> set[int]:
    """The first messages of each worker, as many as it may have been given before it was paused.

    A Redis worker has one blocking pop open (`kombu/transport/redis.py`, ``_brpop_start``); to others
    the broker pushes as much as the prefetch count allows, the multiplier times the children
    (`celery/worker/consumer/tasks.py`).
    """
    window: dict[str, int] = defaultdict(lambda: 1)
    if history.header.broker != "redis":
        multiplier = setting(history, "worker_prefetch_multiplier") or 4
        for event in history.of("worker-ready"):
            window[str(event.get("worker"))] = int(multiplier) * int(event.get("concurrency") or 1)
    seen: dict[str, int] = defaultdict(int)
    early = set()
    for message in messages:
        seen[message.worker] += 1
        if seen[message.worker] <= window[message.worker]:
            early.add(id(message))
    return early


def pairs(urgent: Iterable[Waiting], others: Sequence[Waiting], early: set[int]) -> list[Pair]:
    """Every two that competed; a less urgent one that may have been given out before does not count."""
    return [
        Pair(one, other)
        for one in urgent
        for other in others
        if one.worker == other.worker
        and max(one.sent.at_s, other.sent.at_s) < min(one.delivered.at_s, other.delivered.at_s)
        and not (id(other) in early and other.place < one.place)
    ]
