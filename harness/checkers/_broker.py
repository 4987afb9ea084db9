"""What the broker held when the run was over, from the last ``broker-read``."""

from __future__ import annotations

from dataclasses import dataclass

from harness.history import Event, History


@dataclass(frozen=True, slots=True)
class Held:
    """Task ids by queue and unacknowledged, and how many consumers each queue had."""

    read: Event
    queue_of: dict[str, str]
    unacked: frozenset[str]
    consumers: dict[str, int]
    served: frozenset[str]
    """Queues that some worker consumed at some time of the run."""

    def holds(self, task_id: str) -> bool:
        """Whether the broker still had a message of that task."""
        return task_id in self.queue_of or task_id in self.unacked

    def consumed(self, queue: str) -> bool:
        """Whether a worker consumed that queue, at the end or earlier."""
        return bool(self.consumers.get(queue)) or queue in self.served


def held(history: History) -> Held | None:
    """What the broker held at the end; None where nobody read it: the record has a hole."""
    reads = list(history.of("broker-read"))
    if not reads:
        return None
    queues = reads[-1].get("queues") or {}
    return Held(
        read=reads[-1],
        queue_of={str(task_id): name for name, each in queues.items() for task_id in each.get("tasks") or ()},
        unacked=frozenset(str(task_id) for task_id in reads[-1].get("unacked") or ()),
        consumers=dict(reads[-1].get("consumers") or {}),
        served=frozenset(q for e in history.of("worker-ready") for q in e.get("queues") or ()),
    )
