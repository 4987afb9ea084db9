"""See `Route`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target
from harness.settings import task_queue

NOWHERE = "nowhere"


class Route(Mutation):
    """A task goes to another queue: one that other tasks have, or one that nobody consumes."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        used = sorted({str(task_queue(target.snapshot, task)) for task in target.tasks})
        for task in target.tasks:
            queue = task_queue(target.snapshot, task)
            others = [each for each in used if each != queue][:1]
            for after in (*others, NOWHERE):
                edit = {"do": "route", "task": task, "queue": after}
                yield Mutant(self.name, "queue", queue, after, task=task, edits=(edit,))
