"""See `DeadLetterExchange`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target


class DeadLetterExchange(Mutation):
    """A queue of RabbitMQ loses its dead letter exchange, or the routing key that goes with it.

    Redis knows no such arguments, and there is nothing to change there
    (https://www.rabbitmq.com/docs/dlx).
    """

    def mutants(self, target: Target) -> Iterator[Mutant]:
        if target.broker != "rabbitmq":
            return
        for queue, described in sorted((target.snapshot.get("queues") or {}).items()):
            for argument, value in sorted((described.get("arguments") or {}).items()):
                if argument.startswith("x-dead-letter-") and described.get("declared"):
                    edit = {"do": "queue", "name": queue, "argument": argument}
                    yield Mutant(self.name, f"{argument} of queue {queue}", value, None, edits=(edit,))
