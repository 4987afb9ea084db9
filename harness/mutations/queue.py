"""See `Queue`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target
from harness.settings import task_queue

OTHER = "elsewhere"


class Queue(Mutation):
    """A queue is not declared, or the default queue is one that nobody consumes."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        used = {task_queue(target.snapshot, task) for task in target.tasks}
        for name, described in sorted((target.snapshot.get("queues") or {}).items()):
            if described.get("declared") and name in used and target.conf("task_queues"):
                edit = {"do": "queue", "name": name}
                yield Mutant(self.name, f"task_queues[{name!r}]", "declared", None, edits=(edit,))
        default = target.conf("task_default_queue")
        routed = [t for t in target.tasks if task_queue(target.snapshot, t) != default]
        if len(routed) < len(target.tasks) and not target.conf("task_routes"):
            yield self.of_conf(target, "task_default_queue", OTHER)
