"""See `Priority`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target, is_number

HIGHEST = 9


class Priority(Mutation):
    """A priority is gone or turned round, for the app or for one task."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        default = target.conf("task_default_priority")
        for after in (None, HIGHEST - default) if is_number(default) else ():
            yield self.of_conf(target, "task_default_priority", after)
        for name in (
            "broker_transport_options.queue_order_strategy",
            "broker_transport_options.priority_steps",
        ):
            if (target.conf("broker_transport_options") or {}).get(name.partition(".")[2]) is not None:
                yield self.of_conf(target, name, None)
        for task in target.tasks:
            number = target.snapshot["tasks"][task].get("priority")
            if is_number(number) and number != default:
                for after in (None, HIGHEST - number):
                    edit = {"do": "task", "task": task, "name": "priority", "value": after}
                    yield Mutant(self.name, "priority", number, after, task=task, edits=(edit,))
