"""See `Expiry`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target

SOON_S = 5


class Expiry(Mutation):
    """A task expires before its first retry is due, or no longer expires where it did."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for task in target.tasks:
            if target.option(task, "expires") is not None:
                yield self.of_task(target, task, "expires", None)
            elif target.retries(task):
                yield self.of_task(target, task, "expires", SOON_S)
