"""A publish arrives two times."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_command_twice import BrokerCommandTwice
from tests.faults.conftest import Shop


def test_the_task_runs_twice_and_the_client_is_none_the_wiser(proxied: Shop) -> None:
    with injected(BrokerCommandTwice(), proxied.world):
        task_id = proxied.send()
        assert proxied.runs(task_id) == 2
    assert len(proxied.events("message-published", task_id=task_id)) == 1
    assert proxied.runs(proxied.send()) == 1
