"""See `Acknowledgement`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target

OPTIONS = ("acks_late", "reject_on_worker_lost")


class Acknowledgement(Mutation):
    """Messages are acknowledged before their task runs, or though the process that ran it died.

    `task_acks_late` and `task_reject_on_worker_lost`, and the options of that name of each task
    (celery/worker/request.py).
    """

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for option in OPTIONS:
            if target.conf(f"task_{option}"):
                yield self.of_conf(target, f"task_{option}", after=False)
            for task in target.tasks:
                if target.option(task, option):
                    yield self.of_task(target, task, option, after=False)
