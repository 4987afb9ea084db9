"""See `Prefetch`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target

MANY = 16


class Prefetch(Mutation):
    """A worker takes as many messages as there are, or many more than it has children."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        if target.conf("worker_prefetch_multiplier") not in (0, None):
            yield self.of_conf(target, "worker_prefetch_multiplier", 0)
            yield self.of_conf(target, "worker_prefetch_multiplier", MANY)
