"""A priority is gone."""

from __future__ import annotations

from tests.mutations.targets import target, told


def test_the_default_is_gone_or_turned_round() -> None:
    app = target({"task_default_priority": 3})
    assert told("priority", app) == [("task_default_priority", 3, None), ("task_default_priority", 3, 6)]


def test_a_task_of_its_own_priority_loses_it() -> None:
    app = target({"task_default_priority": None}, described={"priority": 9})
    assert told("priority", app) == [("priority", 9, None), ("priority", 9, 0)]


def test_the_order_of_queues_is_forgotten() -> None:
    app = target({"broker_transport_options": {"queue_order_strategy": "priority"}})
    assert told("priority", app) == [("broker_transport_options.queue_order_strategy", "priority", None)]
