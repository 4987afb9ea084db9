"""The broker refuses a publish."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_command_error import BrokerCommandError
from tests.faults.conftest import Shop


def test_the_publish_fails_with_the_error_that_was_ordered(proxied: Shop) -> None:
    with injected(BrokerCommandError(error="NOPERM no publishing today", times=100), proxied.world):
        task_id = proxied.send()
    (failed,) = proxied.events("publish-failed", task_id=task_id)
    assert "no publishing today" in failed.get("error")
    assert not proxied.events("task-started", task_id=task_id)
    assert proxied.works()


def test_one_refusal_is_not_the_next(proxied: Shop) -> None:
    with injected(BrokerCommandError(error="NOPERM no publishing today"), proxied.world):
        proxied.send()
        assert proxied.works()
