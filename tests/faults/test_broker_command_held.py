"""The acknowledgement is held on its way to the broker."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_command_held import BrokerCommandHeld
from tests.faults.conftest import Shop


def test_the_message_stays_unacknowledged_until_it_goes_on(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(BrokerCommandHeld(command="ZREM"), proxied.world):
        task_id = proxied.send()
        assert proxied.outcome(task_id).kind == "task-succeeded"
        assert not proxied.world.advance(lambda: False, within_s=5)
        assert task_id in proxied.world.broker.read(["celery"]).unacked
    assert proxied.struck("broker_command_held", before) == [("ZREM", "held")]
    assert proxied.runs(task_id) == 1
    assert proxied.works()
