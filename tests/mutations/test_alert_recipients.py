"""Somebody is not told."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told


def test_nobody_one_less_and_a_stranger_more() -> None:
    app = target(addresses={"ADMINS_OF_CELERY": ["a@x", "b@x"]})
    assert [after for _, _, after in told("alert_recipients", app)] == [
        [], ["b@x"], ["a@x"], ["a@x", "b@x", "somebody@example.com"],
    ]  # fmt: skip


def test_who_tells_nobody_cannot_stop() -> None:
    assert mutants("alert_recipients", target()) == []
