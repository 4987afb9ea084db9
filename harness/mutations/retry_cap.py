"""See `RetryCap`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target, is_number


class RetryCap(Mutation):
    """A task is retried once less, once more, or without end."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for task in target.tasks:
            name = "max_retries"
            if "max_retries" in (target.option(task, "retry_kwargs") or {}):
                name = "retry_kwargs.max_retries"
            retries = target.option(task, "max_retries")
            if name != "max_retries":
                retries = target.option(task, "retry_kwargs")["max_retries"]
            if target.retries(task) and is_number(retries):
                for after in (*((retries - 1,) if retries else ()), retries + 1, None):
                    yield self.of_task(target, task, name, after)
