"""Follows a run as it grows: which tasks were sent, and which of them have come to an end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.history import TERMINAL, Event


@dataclass(slots=True)
class Progress:
    """Fed with events in the order in which they become known; asked after each."""

    seen: int = 0
    sent: dict[str, set[str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    queue: dict[str, str] = field(default_factory=dict)
    consumed: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    starts: Counter[str] = field(default_factory=Counter)

    def feed(self, arrived: Sequence[Event]) -> None:
        """Look at what is new."""
        for event in arrived[self.seen :]:
            self._one(event)
        self.seen = len(arrived)

    def waiting(self, experiment: str) -> set[str]:
        """Tasks of an experiment that may still go on: not ended, and in a queue that somebody consumes."""
        return {task_id for task_id in self.sent.get(experiment, ()) if self._goes_on(task_id)}

    def ran_away(self, experiment: str, limit: int) -> set[str]:
        """Tasks of an experiment that were started more than `limit` times."""
        return {task_id for task_id in self.sent.get(experiment, ()) if self.starts[task_id] > limit}

    def waiting_others(self) -> set[str]:
        """The same for tasks that the app sent itself."""
        return {task_id for task_id in self.others if self._goes_on(task_id)}

    def _goes_on(self, task_id: str) -> bool:
        return task_id not in self.ended and self.queue.get(task_id) in self.consumed

    def _one(self, event: Event) -> None:
        if event.kind == "worker-ready":
            self.consumed.update(event.get("queues") or ())
        if event.task_id is None:
            return
        if event.kind == "task-sent":
            self._sent(event, event.task_id)
        elif event.kind == "task-started":
            self.starts[event.task_id] += 1
            self.ended.discard(event.task_id)  # it came back: a retry, a redelivery, a second life
        elif event.kind == "publish-failed":
            self.ended.add(event.task_id)
        elif event.kind == "body-left" and event.get("error_type") == "Ignore":
            self.ended.add(event.task_id)  # Celery reports nothing of a task that it was told to ignore
        elif event.kind in TERMINAL or (event.kind == "message-rejected" and not event.get("requeue")):
            self.ended.add(event.task_id)
        elif event.kind == "message-delivered":
            self.ended.discard(event.task_id)

    def _sent(self, event: Event, task_id: str) -> None:
        self.queue[task_id] = str(event.get("queue"))
        label = event.get("experiment")
        if label:
            self.sent.setdefault(label, set()).add(task_id)
        elif not any(task_id in ids for ids in self.sent.values()):
            self.others.add(task_id)
