"""See `AlertRecipients`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.mutation import Mutant, Mutation, Target

STRANGER = "somebody@example.com"


class AlertRecipients(Mutation):
    """Nobody is told, somebody is left out, or a stranger is told: Django settings that name people."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for name, people in target.addresses.items():
            others = [[each for each in people if each != one] for one in people] if len(people) > 1 else []
            for after in ([], *others, [*people, STRANGER]):
                yield self._told(name, people, after)

    def _told(self, name: str, before: Sequence[str], after: Sequence[str]) -> Mutant:
        edit = {"do": "django", "name": name, "value": list(after)}
        return Mutant(self.name, name, list(before), list(after), edits=(edit,))
