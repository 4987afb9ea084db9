"""See `Serializer`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target


class Serializer(Mutation):
    """Messages are written in a form that workers do not accept, or workers accept another one."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        accepted = list(target.conf("accept_content") or ())
        for other in [each for each in ("yaml", "pickle") if each not in accepted][-1:]:
            yield self.of_conf(target, "task_serializer", other)
            yield self.of_conf(target, "accept_content", [other])
