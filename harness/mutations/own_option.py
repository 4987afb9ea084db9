"""See `OwnOption`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target, scaled


class OwnOption(Mutation):
    """An option of a task that the app itself has made up (``deduplicate=True``) is turned, or scaled."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for task in target.tasks:
            for name, value in sorted(target.options.get(task, {}).items()):
                others = (not value,) if isinstance(value, bool) else scaled(value)
                for after in dict.fromkeys(others):
                    edit = {"do": "task", "task": task, "name": name, "value": after}
                    yield Mutant(self.name, name, value, after, task=task, edits=(edit,))
