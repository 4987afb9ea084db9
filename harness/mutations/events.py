"""See `Events`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target

SETTINGS = ("worker_send_task_events", "task_send_sent_event")


class Events(Mutation):
    """A monitor sees less: task events are not sent, for the app or for one task."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        sent = [name for name in SETTINGS if target.conf(name)]
        for name in sent:
            yield self.of_conf(target, name, after=False)
        for task in target.tasks if "worker_send_task_events" in sent else ():
            if target.option(task, "send_events"):
                yield self.of_task(target, task, "send_events", after=False)
