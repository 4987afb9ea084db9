"""Messages are acknowledged too early."""

from __future__ import annotations

from tests.mutations.targets import PAY, mutants, target, told


def test_late_acknowledgement_is_taken_from_the_app_and_from_each_task() -> None:
    app = target({"task_acks_late": True}, {"acks_late": True, "reject_on_worker_lost": True})
    assert told("acknowledgement", app) == [
        ("task_acks_late", True, False), ("acks_late", True, False), ("reject_on_worker_lost", True, False),
    ]  # fmt: skip


def test_a_task_that_took_the_setting_over_goes_with_it() -> None:
    inherited = {"acks_late": {"value": True, "origin": "task_acks_late in shop.py"}}
    (setting, _) = mutants("acknowledgement", target({"task_acks_late": True}, described=inherited))
    assert setting.edits[0]["tasks"] == {"acks_late": [PAY]}
    (setting, _) = mutants("acknowledgement", target({"task_acks_late": True}, {"acks_late": True}))
    assert setting.edits[0]["tasks"] == {"acks_late": []}


def test_what_is_off_is_not_turned_on() -> None:
    assert mutants("acknowledgement", target({"task_acks_late": False}, {"acks_late": False})) == []
