"""A queue loses its dead letter exchange."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told

QUEUES = {"sales": {"declared": True, "arguments": {"x-dead-letter-exchange": "dead", "x-max-length": 3}}}


def test_the_exchange_of_a_queue_of_rabbitmq_is_gone() -> None:
    app = target(queues=QUEUES, broker="rabbitmq")
    assert told("dead_letter_exchange", app) == [("x-dead-letter-exchange of queue sales", "dead", None)]


def test_redis_ignores_it_anyway() -> None:
    assert mutants("dead_letter_exchange", target(queues=QUEUES)) == []
