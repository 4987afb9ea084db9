"""A monitor sees less."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told


def test_events_of_the_app_and_of_each_task_are_not_sent() -> None:
    app = target({"worker_send_task_events": True, "task_send_sent_event": True}, {"send_events": True})
    assert [name for name, _, _ in told("events", app)] == [
        "worker_send_task_events", "task_send_sent_event", "send_events",
    ]  # fmt: skip


def test_a_task_cannot_be_more_silent_than_its_worker() -> None:
    assert mutants("events", target({"worker_send_task_events": False}, {"send_events": True})) == []
