"""Nothing passes between app and broker."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_black_hole import BrokerBlackHole
from tests.faults.conftest import Shop


def test_an_acknowledgement_does_not_arrive_until_it_is_healed(proxied: Shop) -> None:
    task_id = proxied.send(body={"hold_s": 5.0})
    entered = lambda: bool(proxied.events("body-entered", task_id=task_id))  # noqa: E731
    assert proxied.world.advance(entered, within_s=60)
    with injected(BrokerBlackHole(), proxied.world):
        assert not proxied.world.advance(lambda: False, within_s=20)
        assert proxied.events("task-succeeded", task_id=task_id)
        assert task_id in proxied.world.broker.read(["celery"]).unacked
    assert proxied.runs(task_id) == 1
    assert proxied.works()
