"""See `TimeLimit`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target

OPTIONS = ("time_limit", "soft_time_limit")


class TimeLimit(Mutation):
    """A run may take twice as long, or as long as it likes: hard and soft limit of each task."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for task in target.tasks:
            for option in OPTIONS:
                limit_s = target.option(task, option)
                for after in (None, limit_s * 2) if limit_s else ():
                    yield self.of_task(target, task, option, after)
