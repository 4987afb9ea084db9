"""See `WorkerLayout`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.contract import WorkerLayout as Layout
from harness.mutation import Mutant, Mutation, Target


class WorkerLayout(Mutation):
    """Production starts a kind of worker otherwise: not at all, for a queue less, or without children."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        layouts = target.contract.workers
        for place, layout in enumerate(layouts):
            others = (*layouts[:place], *layouts[place + 1 :])
            if others:
                yield self._mutant(f"workers.{layout.name}", "started", "not started", others)
            if len(layout.queues) > 1:
                for queue in layout.queues:
                    fewer = replace(layout, queues=tuple(each for each in layout.queues if each != queue))
                    changed = (*layouts[:place], fewer, *layouts[place + 1 :])
                    yield self._mutant(f"workers.{layout.name}.queues", queue, None, changed)
            if layout.pool in ("prefork", "processes"):
                alone = replace(layout, pool="solo", concurrency=1)
                changed = (*layouts[:place], alone, *layouts[place + 1 :])
                yield self._mutant(f"workers.{layout.name}.pool", layout.pool, "solo", changed)

    def _mutant(self, name: str, before: str, after: str | None, layouts: tuple[Layout, ...]) -> Mutant:
        return Mutant(self.name, name, before, after, workers=layouts)
