"""See `Result`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target


class Result(Mutation):
    """A result is not kept, or kept uncompressed or in another form, for the app or for one task."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        stored = [task for task in target.tasks if not target.option(task, "ignore_result")]
        if stored and not target.conf("task_ignore_result"):
            yield self.of_conf(target, "task_ignore_result", after=True)
        for task in stored:
            yield self.of_task(target, task, "ignore_result", after=True)
        if target.conf("result_compression"):
            yield self.of_conf(target, "result_compression", None)
        if stored:
            other = "pickle" if target.conf("result_serializer") != "pickle" else "json"
            yield self.of_conf(target, "result_serializer", other)
